"""What can be done with recordings: begin, add a terminal, stop, delete, throw away the old ones."""

import logging
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError
from django.db.models import Sum
from django.utils import timezone

from labsite.labs.models import LabSession
from labsite.recordings.models import Recording

log = logging.getLogger(__name__)

MOST_N = 8  # terminals of one machine
SETTLED = timedelta(minutes=2)


class RecordingRefused(Exception):  # noqa: N818 - a refusal, told to the learner by its code
    """Why nothing is recorded: `terminals`, `too-many` or `no-room`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def begin(lab: LabSession, terminals: Any) -> Recording:
    """Begin to record these terminals; what is being recorded already goes on."""
    wanted = known_terminals(lab, terminals)
    if already := Recording.objects.filter(lab=lab, ended_at=None).first():
        return already
    check_room(lab)
    try:
        return Recording.objects.get_or_create(
            lab=lab, ended_at=None, defaults={"user": lab.user, "lesson": lab.lesson, "terminals": wanted}
        )[0]
    except IntegrityError:  # two pages at once
        return Recording.objects.get(lab=lab, ended_at=None)


def check_room(lab: LabSession) -> None:
    """RecordingRefused if the learner, or everybody together, keeps as much as they may."""
    if Recording.objects.filter(user=lab.user).count() >= settings.RECORDINGS_PER_USER:
        raise RecordingRefused("too-many")
    open_ones = Recording.objects.filter(ended_at=None).count() * settings.RECORDING_BYTES  # each may still grow so large
    kept = Recording.objects.exclude(ended_at=None).aggregate(all=Sum("size"))["all"] or 0
    if open_ones + kept + settings.RECORDING_BYTES > settings.RECORDINGS_BYTES:
        raise RecordingRefused("no-room")


def add(row: Recording, terminals: Any) -> None:
    """Record these too, from now on."""
    if row.lab is not None:
        row.terminals = sorted({*row.terminals, *known_terminals(row.lab, terminals)})
        Recording.objects.filter(pk=row.pk).update(terminals=row.terminals)


def known_terminals(lab: LabSession, terminals: Any) -> list[str]:
    """Checked: names of machines of this lab, numbers from 1 to 8."""
    names = set(lab.sandboxes.values_list("name", flat=True))
    possible = {f"{name}/{n}" for name in names for n in range(1, MOST_N + 1)}
    wanted = terminals if isinstance(terminals, list) and all(isinstance(each, str) for each in terminals) else []
    if not wanted or not possible.issuperset(wanted):
        raise RecordingRefused("terminals")
    return sorted(set(wanted))


def throw_away(now: Any = None) -> int:
    """Delete what has been kept long enough, rows and files; how many."""
    gone = 0
    for row in Recording.objects.filter(expires_at__lte=now or timezone.now()):
        row.delete()
        gone += 1
    return gone


def end_lost() -> None:
    """Recordings nobody writes any more: their lab has ended, or their time is over."""
    settled = timezone.now() - SETTLED
    for row in Recording.objects.select_related("lab").filter(ended_at=None):
        if row.lab is None or (row.lab.ended_at and row.lab.ended_at < settled):
            row.end(Recording.End.LAB)
        elif row.started_at < settled - timedelta(seconds=settings.RECORDING_SECONDS):
            row.end(Recording.End.TIME)
