"""What changes labs: open, extend, end, reset. Each is one transaction and then a task."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from labsite.accounts.models import User
from labsite.labs import limits, notify, undo
from labsite.labs.lessonbook import path_of
from labsite.labs.models import LabSession, Sandbox, Status
from labsite.labs.recipe import request_for
from lessons.catalog import Lesson

ENDABLE = [Status.QUEUED, Status.REQUESTED, Status.STARTING, Status.RUNNING, Status.FAILED, Status.LOST]


@transaction.atomic
def open_lab(user: User, lesson: Lesson, address: str | None = None) -> LabSession:
    """A lab for this lesson: the one she left open, or a new one whose machines are asked for."""
    limits.one_at_a_time(user)
    open_labs = LabSession.objects.filter(user=user, ended_at=None)
    if already := open_labs.filter(lesson=path_of(lesson), expires_at__gt=timezone.now()).first():
        already.touch()
        return already
    if lesson.unavailable:
        raise limits.LimitError("lesson-unavailable", 0)
    limits.check(user, address)
    lab = LabSession.objects.create(
        user=user, lesson=path_of(lesson), edition=lesson.edition, address=address, expires_at=_deadline(lesson)
    )
    for index, machine in enumerate(lesson.machines):
        request = request_for(lesson, machine)
        _ask_for(Sandbox.objects.create(lab=lab, name=machine.name, index=index, request=request, backend=machine.backend))
    return lab


@transaction.atomic
def open_without_lesson(
    user: User, path: str, name: str, request: dict[str, Any], address: str | None = None
) -> LabSession:  # fmt: skip
    """A lab of one machine that no lesson describes; `path` says what it is for. The same limits hold."""
    limits.one_at_a_time(user)
    now = timezone.now()
    if already := LabSession.objects.filter(user=user, ended_at=None, lesson=path, expires_at__gt=now).first():
        already.touch()
        return already
    limits.check(user, address)
    expires = now + timedelta(minutes=min(settings.LAB_MINUTES, settings.LAB_MAX_MINUTES))
    lab = LabSession.objects.create(user=user, lesson=path, address=address, expires_at=expires)
    _ask_for(Sandbox.objects.create(lab=lab, name=name, index=0, request=request))
    return lab


@transaction.atomic
def add_machine(lab: LabSession, name: str, request: dict[str, Any], backend: str) -> Sandbox:
    """One more machine for a lab that no lesson describes; the one of that name if it has it already."""
    limits.one_at_a_time(lab.user)
    if already := lab.sandboxes.filter(name=name).first():
        return already
    index = lab.sandboxes.count()
    sandbox = Sandbox.objects.create(lab=lab, name=name, index=index, request=request, backend=backend)
    _ask_for(sandbox)
    return sandbox


def extend(lab: LabSession) -> bool:
    """Half an hour more, up to the longest a lab may last; False if that is reached."""
    now = timezone.now()
    longest = lab.created_at + timedelta(minutes=settings.LAB_MAX_MINUTES)
    wanted = min(max(lab.expires_at, now) + timedelta(minutes=30), longest)
    if wanted <= lab.expires_at:
        return False
    rows = LabSession.objects.filter(pk=lab.pk, ended_at=None)
    if not rows.update(expires_at=wanted, active_at=now):
        return False
    lab.expires_at = wanted
    return True


@transaction.atomic
def end_lab(lab: LabSession, reason: str) -> bool:
    """End a lab and take its machines back; False if it had ended already."""
    now = timezone.now()
    if not LabSession.objects.filter(pk=lab.pk, ended_at=None).update(ended_at=now, end_reason=reason):
        return False
    lab.ended_at, lab.end_reason = now, reason
    notify.lab_ended(lab)
    for sandbox in lab.sandboxes.select_related("lab"):
        stop(sandbox)
    return True


def stop(sandbox: Sandbox, **fields: Any) -> bool:
    """Take one machine back, and set other fields of its row."""
    if not sandbox.move(*ENDABLE, to=Status.STOPPING, **fields):
        return False
    notify.sandbox_changed(sandbox)
    from labsite.labs.tasks import stop_sandbox

    transaction.on_commit(lambda: stop_sandbox.delay(sandbox.lab.code, sandbox.name))
    return True


def reset(sandbox: Sandbox) -> bool:
    """A fresh machine in place of this one: the old one is removed, then the name asked for again."""
    sandbox.request = undo.without(sandbox.request)
    return sandbox.lab.ended_at is None and stop(sandbox, request=sandbox.request)


def ask_again(sandbox: Sandbox) -> bool:
    """Put a stopped machine of a live lab back in the line."""
    empty = {"step": "", "timings": [], "machine": {}, "error": None, "node": "", "requested_at": timezone.now()}
    if not sandbox.move(Status.STOPPED, Status.FAILED, Status.LOST, to=Status.REQUESTED, **empty):
        return False
    _ask_for(sandbox)
    return True


def promote() -> int:
    """Let the first in the line start while there is room; how many were let in."""
    line = Sandbox.objects.select_related("lab").filter(status=Status.QUEUED)
    room = limits.room()
    promoted = [each for each in line.order_by("requested_at", "pk")[:room] if each.move(Status.QUEUED, to=Status.REQUESTED)]
    for sandbox in promoted:
        _ask_for(sandbox)
    if promoted:
        for waiting in line:
            notify.sandbox_changed(waiting)
    return len(promoted)


def _ask_for(sandbox: Sandbox) -> None:
    """Send the task once the row can be seen."""
    from labsite.labs.tasks import start_sandbox

    transaction.on_commit(lambda: start_sandbox.delay(sandbox.lab.code, sandbox.name))


def _deadline(lesson: Lesson) -> datetime:
    minutes = min(lesson.time_limit or settings.LAB_MINUTES, settings.LAB_MAX_MINUTES)
    return timezone.now() + timedelta(minutes=minutes)
