"""One door: who may see or touch a lab.

Views, the API, consumers and tasks ask here and nowhere else. A stranger learns nothing,
not even that the lab exists.
"""

from typing import Any

from labsite.labs.models import LabSession, Sandbox


def lab_for(user: Any, code: str) -> LabSession | None:
    """The lab of that code, if it is this user's."""
    if not user.is_authenticated or not user.is_active:
        return None
    return LabSession.objects.filter(code=code, user_id=user.pk).first()


def live_lab_for(user: Any, code: str) -> LabSession | None:
    """The same, if it has not ended."""
    lab = lab_for(user, code)
    return lab if lab and lab.ended_at is None else None


def sandbox_for(user: Any, code: str, name: str) -> Sandbox | None:
    """A machine of a live lab of this user."""
    lab = live_lab_for(user, code)
    return lab.sandboxes.select_related("lab").filter(name=name).first() if lab else None
