"""The lessons application."""

from typing import Any

from django.apps import AppConfig


class LessonsConfig(AppConfig):
    """Courses, lessons and what a learner has finished."""

    name = "lessons"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """A guest who signs in brings her progress along."""
        from labsite.accounts.signals import guest_joined

        guest_joined.connect(_hand_over, dispatch_uid="lessons.hand_over")


def _hand_over(sender: Any, guest: Any, user: Any, **_: Any) -> None:
    from lessons.models import hand_over

    hand_over(guest, user)
