"""One door: who may see a recording. Its owner by its code, anybody by a link she gave out; a stranger learns nothing."""

from typing import Any

from django.utils import timezone

from labsite.recordings.models import Recording


def recording_of(user: Any, code: str) -> Recording | None:
    """The recording of that code, if it is this user's and is still kept."""
    if not user.is_authenticated or not user.is_active:
        return None
    return Recording.objects.filter(code=code, user_id=user.pk, expires_at__gt=timezone.now()).first()


def shared(share: str) -> Recording | None:
    """The recording behind a link, while its owner lets the link work."""
    found = Recording.objects.filter(share=share, expires_at__gt=timezone.now(), user__is_active=True) if share else None
    return found.first() if found is not None else None


def open_of(lab: Any) -> Recording | None:
    """What is being recorded of a lab just now."""
    return Recording.objects.filter(lab=lab, ended_at=None).first()
