"""Celery tasks: load, call the gateway, record, tell the page.

Any of these may run twice or be lost. Running twice is harmless, because a status moves by
compare-and-swap; a lost one is sent again by `reconcile`.
"""

import logging

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from labsite.labs import checking, checks, gateway, limits, notify, services, undo
from labsite.labs.lessonbook import of_lab
from labsite.labs.models import LabSession, Sandbox, Status
from labsite.labs.signals import sandbox_running

log = logging.getLogger(__name__)


@shared_task(name="labs.start_sandbox")
def start_sandbox(code: str, name: str) -> None:
    """Make a requested machine, or put it in the line if the node is full."""
    sandbox = _load(code, name)
    if sandbox is None:
        return
    if sandbox.lab.ended_at:
        sandbox.move(Status.REQUESTED, to=Status.STOPPED)
        return
    if limits.must_wait(sandbox):
        _queue(sandbox)
        return
    if not sandbox.move(Status.REQUESTED, to=Status.STARTING, node=settings.NODE_NAME):
        return  # another worker got there first
    notify.sandbox_changed(sandbox)
    try:
        timings = gateway.create(sandbox)
        if sandbox.backend == "vm":
            _booting(sandbox, timings)
        if undo.SNAPSHOT not in sandbox.request:  # what was kept has been prepared already
            prepare(sandbox)
        machine = gateway.machine(sandbox) if sandbox.backend == "vm" else {}
    except gateway.GatewayError as error:
        _failed(sandbox, error)
        return
    _running(sandbox, timings, machine)


def _booting(sandbox: Sandbox, timings: list) -> None:
    """Its container is there, its kernel is on its way: the page shows the one while it waits for the other."""
    sandbox.step, sandbox.timings = "boot", timings
    if Sandbox.objects.filter(pk=sandbox.pk, generation=sandbox.generation).update(step="boot", timings=timings):
        notify.sandbox_changed(sandbox)


def _queue(sandbox: Sandbox) -> None:
    if sandbox.move(Status.REQUESTED, to=Status.QUEUED):
        notify.sandbox_changed(sandbox)
        services.promote()  # two that arrived together may both have seen a full node


def prepare(sandbox: Sandbox) -> None:
    """Bring the lesson's files and run its setup inside."""
    lesson = of_lab(sandbox.lab)
    if lesson is None:
        return
    try:
        checks.prepare(sandbox, lesson, seed=sandbox.lab.code)
    except checks.SetupFailed as error:
        raise gateway.GatewayError("setup", "setup", str(error)) from error


def _running(sandbox: Sandbox, timings: list, machine: dict) -> None:
    phases = gateway.phases(machine, timings) if machine else []
    known = {"timings": timings + phases, "machine": machine, "step": "", "error": None}
    if sandbox.move(Status.STARTING, to=Status.RUNNING, started_at=timezone.now(), **known):
        notify.sandbox_changed(sandbox)
        sandbox_running.send(Sandbox, sandbox=sandbox)
        if not sandbox.index and (step := checking.open_step(sandbox.lab.code)):
            prepare_step.delay(sandbox.lab.code, step)
    elif not Sandbox.objects.filter(pk=sandbox.pk, status__in=[Status.STARTING, Status.RUNNING]).exists():
        gateway.delete(sandbox.runtime_id)  # the lab ended meanwhile


def _failed(sandbox: Sandbox, error: gateway.GatewayError) -> None:
    log.error("sandbox %s did not start: %s", sandbox.runtime_id, error)
    if not error.unavailable:
        _remove(sandbox)  # a sandbox without its lesson's setup is of no use
    if sandbox.move(Status.STARTING, to=Status.FAILED, error=error.detail, step=error.detail["step"]):
        notify.sandbox_changed(sandbox)
    services.promote()


def _remove(sandbox: Sandbox) -> None:
    try:
        gateway.delete(sandbox.runtime_id)
    except gateway.GatewayError as error:
        log.warning("sandbox %s is left to the reconciler: %s", sandbox.runtime_id, error)


@shared_task(name="labs.stop_sandbox")
def stop_sandbox(code: str, name: str) -> None:
    """Remove a machine; in a lab that goes on, a fresh one takes its place."""
    sandbox = _load(code, name)
    if sandbox is None or sandbox.status != Status.STOPPING:
        return
    try:
        gateway.delete(sandbox.runtime_id)
    except gateway.GatewayError as error:
        log.error("sandbox %s could not be removed, will try again: %s", sandbox.runtime_id, error)
        return
    undo.forget(sandbox)
    if sandbox.move(Status.STOPPING, to=Status.STOPPED):
        notify.sandbox_changed(sandbox)
        if sandbox.lab.ended_at is None:
            services.ask_again(sandbox)
        services.promote()


@shared_task(name="labs.run_check")
def run_check(code: str, step: str, task: str, language: str = "en") -> None:
    """Check one task of a lab and tell its pages."""
    checking.check_task(code, step, task, language)


@shared_task(name="labs.prepare_step")
def prepare_step(code: str, step: str) -> None:
    """Run what a step sets up when it is opened."""
    checking.set_up_step(code, step)


@shared_task(name="labs.run_race")
def run_race(code: str, race: str, containers: int, machines: int) -> None:
    """Start machines side by side, time them, and take them away."""
    from labsite.labs import race as races

    lab = LabSession.objects.filter(code=code, ended_at=None).first()
    if lab is not None:
        races.run(lab, race, {"container": containers, "vm": machines})


@shared_task(name="labs.catch_up")
def catch_up(code: str, step: str, total: int) -> None:
    """Do again one task that was passed in an earlier lab; the next is another message."""
    from labsite.labs import catchup

    if catchup.one(code, step, total):
        catch_up.delay(code, step, total)


@shared_task(name="labs.reconcile")
def reconcile() -> None:
    """Compare rows with the node, and mend what differs."""
    from labsite.labs import reconciler

    reconciler.run()


def _load(code: str, name: str) -> Sandbox | None:
    return Sandbox.objects.select_related("lab").filter(lab__code=code, name=name).first()
