"""Registration of the recordings app."""

from typing import Any

from django.apps import AppConfig


class RecordingsConfig(AppConfig):
    """Sessions that were recorded, and their files."""

    name = "labsite.recordings"
    label = "recordings"

    def ready(self) -> None:
        """A guest who signs in keeps her recordings; a row that goes takes its files along."""
        from django.db.models.signals import post_delete

        from labsite.accounts.signals import guest_joined
        from labsite.recordings.models import Recording

        guest_joined.connect(_hand_over, dispatch_uid="recordings.hand_over")
        post_delete.connect(_remove_files, sender=Recording, dispatch_uid="recordings.files")


def _hand_over(sender: Any, guest: Any, user: Any, **_: Any) -> None:
    from labsite.recordings.models import Recording

    Recording.objects.filter(user=guest).update(user=user)


def _remove_files(sender: Any, instance: Any, **_: Any) -> None:
    from labsite.recordings import journal

    journal.remove(instance.code)
