"""How much one may have: labs per guest, user and address; machines per node.

A limit a person can act on is a `LimitError` with a code for the page. A full node is
not an error: the machine waits in line and the page shows its place.
"""

from django.conf import settings
from django.db.models import Q

from labsite.accounts.models import User
from labsite.labs.models import LIVE, LabSession, Sandbox, Status


class LimitError(Exception):
    """No more labs for now; `code` says which limit."""

    def __init__(self, code: str, limit: int) -> None:
        super().__init__(f"{code}: {limit}")
        self.code = code
        self.limit = limit


def one_at_a_time(user: User) -> None:
    """Two clicks at once are looked at one after the other, until the end of the transaction."""
    User.objects.select_for_update().get(pk=user.pk)


def check(user: User, address: str | None) -> None:
    """Raise LimitError if this user, or this address, has as many labs as allowed."""
    labs = LabSession.objects.filter(ended_at=None)
    mine = settings.LABS_PER_GUEST if user.is_guest else settings.LABS_PER_USER
    if not user.is_staff and labs.filter(user=user).count() >= mine:
        raise LimitError("labs-per-user", mine)
    check_address(address)


def check_address(address: str | None) -> None:
    """Raise LimitError if there are as many labs as allowed at this address; asked before a guest's row is made."""
    labs = LabSession.objects.filter(ended_at=None)
    if address and labs.filter(address=address).count() >= settings.LABS_PER_ADDRESS:
        raise LimitError("labs-per-address", settings.LABS_PER_ADDRESS)


def room() -> int:
    """How many more machines this node takes."""
    return max(0, settings.NODE_SANDBOXES - Sandbox.objects.filter(status__in=LIVE).count())


def must_wait(sandbox: Sandbox) -> bool:
    """Does this requested machine not fit?

    Requests have an order, so of many that arrive together exactly as many go in as there is room.
    """
    before = Q(requested_at__lt=sandbox.requested_at) | Q(requested_at=sandbox.requested_at, pk__lt=sandbox.pk)
    if Sandbox.objects.filter(before, status=Status.QUEUED).exists():
        return True
    taken = Q(status__in=[Status.STARTING, Status.RUNNING, Status.STOPPING]) | (before & Q(status=Status.REQUESTED))
    return Sandbox.objects.filter(taken).count() >= settings.NODE_SANDBOXES
