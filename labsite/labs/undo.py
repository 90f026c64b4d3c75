"""Undo: a step's beginning is kept when it is first opened, and can be gone back to.

What is kept is a layer: everything the machine had changed by then. Going back is a new machine of the
same name on that layer, so it costs what a start costs. Programs end; a tree of files can be put back,
processes cannot. The first step begins with fresh machines, so nothing is kept for it.
"""

import hashlib
import logging

from django.db import transaction

from labsite.labs import gateway, notify
from labsite.labs.models import LabSession, Sandbox, Status
from lessons.catalog import Lesson

log = logging.getLogger(__name__)

SNAPSHOT = "snapshot"  # the key of a request: which snapshot a machine is made from


class UndoRefused(Exception):  # noqa: N818 - a refusal, told to the learner by its code
    """Why a step cannot be begun again: `busy` or `not-kept`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def name_of(step: str) -> str:
    """A step's id, as the runtime names a snapshot."""
    return f"step-{hashlib.sha256(step.encode()).hexdigest()[:24]}"


def keep(lesson: Lesson, step: str, machines: dict[str, Sandbox]) -> None:
    """Keep how each machine is now, before the step's setup, if the step was never opened in it. What cannot
    be kept (too much was written) cannot be undone: a lab is of use without."""
    if step == lesson.steps[0].id:
        return
    for sandbox in machines.values():
        if not _has_layers(sandbox):
            continue
        try:
            if name_of(step) not in gateway.snapshots(sandbox.runtime_id):
                gateway.snapshot(sandbox, name_of(step))
        except gateway.GatewayError as error:
            log.warning("sandbox %s: step %s cannot be undone: %s", sandbox.runtime_id, step, error)


def undo(lab: LabSession, lesson: Lesson, step: str) -> None:
    """Put every machine of the lab back to the step's beginning; UndoRefused if that cannot be."""
    first = step == lesson.steps[0].id
    sandboxes = list(lab.sandboxes.select_related("lab"))
    if lab.ended_at or any(sandbox.status != Status.RUNNING for sandbox in sandboxes):
        raise UndoRefused("busy")
    for sandbox in sandboxes:
        kept = _has_layers(sandbox) and (first or name_of(step) in gateway.snapshots(sandbox.runtime_id))
        if not kept:
            raise UndoRefused("not-kept")
    with transaction.atomic():
        for sandbox in sandboxes:
            _go_back(sandbox, None if first else f"{sandbox.runtime_id}/{name_of(step)}")


def _has_layers(sandbox: Sandbox) -> bool:
    """A virtual machine writes to a disk of its own, which nobody keeps."""
    return sandbox.request.get("backend", sandbox.backend) == "container"


def _go_back(sandbox: Sandbox, snapshot: str | None) -> None:
    """Remove the machine; the task that does makes it again, from the snapshot."""
    from labsite.labs.tasks import stop_sandbox

    request = without(sandbox.request) | ({SNAPSHOT: snapshot} if snapshot else {})
    if not sandbox.move(Status.RUNNING, to=Status.STOPPING, request=request):
        raise UndoRefused("busy")
    notify.sandbox_changed(sandbox)
    transaction.on_commit(lambda: stop_sandbox.delay(sandbox.lab.code, sandbox.name))


def without(request: dict) -> dict:
    """A request for a fresh machine."""
    return {name: value for name, value in request.items() if name != SNAPSHOT}


def forget(sandbox: Sandbox) -> None:
    """The machine is gone: so is what was kept of it, but for what it goes back to and what lies before that."""
    snapshot = None if sandbox.lab.ended_at else sandbox.request.get(SNAPSHOT)
    try:
        gateway.forget(sandbox.runtime_id, snapshot.rpartition("/")[2] if snapshot else None)
    except gateway.GatewayError as error:
        log.warning("sandbox %s: its snapshots are left to the spawner: %s", sandbox.runtime_id, error)
