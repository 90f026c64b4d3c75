"""Registration of the labs app."""

from typing import Any

from django.apps import AppConfig


class LabsConfig(AppConfig):
    """Lab sessions and their sandboxes."""

    name = "labsite.labs"
    label = "labs"

    def ready(self) -> None:
        """A guest who signs in keeps the labs she has open."""
        from labsite.accounts.signals import guest_joined

        guest_joined.connect(_hand_over, dispatch_uid="labs.hand_over")


def _hand_over(sender: Any, guest: Any, user: Any, **_: Any) -> None:
    from labsite.labs.models import LabSession

    LabSession.objects.filter(user=guest).update(user=user)
