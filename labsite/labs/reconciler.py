"""The reconciler: rows are what we want, the node is what there is.

Every 15 seconds, and at the start: labs past their time end, tasks that were lost are sent
again, rows without a sandbox are called lost, sandboxes without a row are removed. Each
mending is a compare-and-swap, so that a reconciler beside another does no harm.
"""

import logging
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone
from redis.exceptions import RedisError

from labsite.labs import clock, gateway, notify, race, services, tasks
from labsite.labs.models import LabSession, Sandbox, Status

log = logging.getLogger(__name__)

# A request this old was lost, or nobody is there to serve it: ask again.
REQUEST_LOST = timedelta(seconds=20)
WARN_BEFORE = timedelta(minutes=5)
WARN_IDLE_BEFORE = timedelta(minutes=3)
MOST_UNKNOWN = 5  # to be removed in one round without anybody being asked


def run(confirmed: bool = False) -> None:
    """One round. `confirmed`: an operator has said that however many unknown sandboxes may go."""
    mind_the_clock()
    end_overdue()
    warn_of_the_end()
    warn_the_idle()
    try:
        there = gateway.alive()
    except gateway.GatewayError as error:
        log.warning("the node cannot be asked: %s", error)
        return
    adopt_or_repeat(there)
    find_lost(there)
    remove_unknown(there, confirmed)
    resend()
    services.promote()
    race.clear()


def mind_the_clock() -> None:
    """If somebody set the clock, deadlines go along; without Redis nothing is known of it."""
    try:
        step = clock.stepped(boot_id())
    except (OSError, RedisError) as error:
        log.warning("whether the clock was set cannot be told: %s", error)
        return
    if step:
        log.warning("the clock was set by %s: %d open labs were moved along", step, clock.move_along(step))


def boot_id() -> str:
    """The kernel's name for this boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def end_overdue() -> None:
    """End labs that are past their deadline, or in which nobody has typed for long."""
    now = timezone.now()
    idle_since = now - timedelta(minutes=settings.LAB_IDLE_MINUTES)
    for lab in LabSession.objects.filter(ended_at=None, expires_at__lte=now):
        services.end_lab(lab, "deadline")
    for lab in LabSession.objects.filter(ended_at=None, active_at__lt=idle_since):
        services.end_lab(lab, "idle")


def warn_of_the_end() -> None:
    """Tell pages whose lab ends within five minutes; they show it once."""
    now = timezone.now()
    for lab in LabSession.objects.filter(ended_at=None, expires_at__range=(now, now + WARN_BEFORE)):
        notify.send(lab.code, {"type": "expiring", "seconds": int((lab.expires_at - now).total_seconds())})


def warn_the_idle() -> None:
    """Ask pages in which nobody has done anything for long whether somebody is there."""
    now, patience = timezone.now(), timedelta(minutes=settings.LAB_IDLE_MINUTES)
    asleep = now - patience + min(WARN_IDLE_BEFORE, patience / 2)
    for lab in LabSession.objects.filter(ended_at=None, active_at__lt=asleep):
        left = max(0, int((lab.active_at + patience - now).total_seconds()))
        notify.send(lab.code, {"type": "idle", "seconds": left})


def adopt_or_repeat(there: dict) -> None:
    """A worker that died while starting: its machine is there, or is asked for again."""
    for sandbox in _here(Status.STARTING).filter(lease_until__lt=timezone.now()):
        if sandbox.runtime_id in there:
            gateway.delete(sandbox.runtime_id)  # perhaps half prepared: never hand that out
        if sandbox.move(Status.STARTING, to=Status.REQUESTED):
            tasks.start_sandbox.delay(sandbox.lab.code, sandbox.name)


def find_lost(there: dict) -> None:
    """Rows that say running while nothing is there, or nothing runs in what is there."""
    settled = timezone.now() - timedelta(seconds=2)
    for sandbox in _here(Status.RUNNING).filter(changed_at__lt=settled):
        state = there.get(sandbox.runtime_id)
        if state is not None and state.get("status") != "stopped":
            continue
        error = {"code": "lost", "step": "", "message": "the sandbox is gone from its node"}
        if state is not None:
            error = {"code": gateway.how_it_ended(sandbox), "step": "", "message": "nothing runs in it any more"}
        if sandbox.move(Status.RUNNING, to=Status.LOST, error=error):
            log.error("sandbox %s is lost", sandbox.runtime_id)
            notify.sandbox_changed(sandbox)


def remove_unknown(there: dict, confirmed: bool = False) -> None:
    """Sandboxes of ours that no live row wants.

    A few are left-overs. Many at once mean that we look at the wrong database, or at an empty one, and the
    sandboxes are somebody's: then nothing is removed until `manage.py reconcile --confirm` says so.
    """
    wanted = Sandbox.objects.select_related("lab").filter(
        status__in=[Status.REQUESTED, Status.STARTING, Status.RUNNING, Status.STOPPING]
    )
    known = {sandbox.runtime_id for sandbox in wanted}
    unknown = sorted(there.keys() - known)
    if len(unknown) > MOST_UNKNOWN and not confirmed:
        log.critical("%d of %d sandboxes belong to no lab of this database: none removed, see reconcile --confirm",
                     len(unknown), len(there))  # fmt: skip
        return
    for runtime_id in unknown:
        log.warning("sandbox %s belongs to no lab: removed", runtime_id)
        gateway.delete(runtime_id)


def resend() -> None:
    """Tasks that never came to anything."""
    now = timezone.now()
    stale = Q(status=Status.REQUESTED, changed_at__lt=now - REQUEST_LOST)
    for sandbox in Sandbox.objects.select_related("lab").filter(stale):
        tasks.start_sandbox.delay(sandbox.lab.code, sandbox.name)
    for sandbox in Sandbox.objects.select_related("lab").filter(status=Status.STOPPING, lease_until__lt=now):
        tasks.stop_sandbox.delay(sandbox.lab.code, sandbox.name)


def _here(status: str) -> QuerySet[Sandbox]:
    rows = Sandbox.objects.select_related("lab").filter(status=status)
    return rows.filter(node__in=["", settings.NODE_NAME])
