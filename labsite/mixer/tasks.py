"""The mixer's task: make a mix in its sandbox, look from the host, write down what was seen."""

import logging

from celery import shared_task
from django.utils import timezone

from labsite.labs import gateway
from labsite.labs.models import Sandbox, Status
from labsite.mixer import measuring, services
from labsite.mixer.models import Beside, Mix, State

log = logging.getLogger(__name__)


@shared_task(name="mixer.make_mix")
def make_mix(code: str, letter: str) -> None:
    """Make a mix that waits; twice is harmless, since a state moves by compare-and-swap."""
    mix = Mix.objects.select_related("lab").filter(lab__code=code, letter=letter, lab__ended_at=None).first()
    sandbox = _running(code, services.MACHINE)
    if mix is None or sandbox is None or not mix.move(State.WAITING, to=State.MAKING):
        return
    mix.lab.touch()
    try:
        done = gateway.mix(sandbox, mix.recipe)
        seen, server = gateway.look(sandbox).to_dict(), gateway.host_namespaces(sandbox)
        measured = measuring.measure(seen, server, letter)
    except gateway.GatewayError as error:
        log.error("mix %s of %s: %s", letter, code[:8], error)
        mix.move(State.MAKING, to=State.FAILED, error=str(error))
        return
    except measuring.GoneError:
        mix.move(State.MAKING, to=State.FAILED, error="the process ended before it could be looked at")
        return
    took = round((timezone.now() - mix.asked_at).total_seconds() * 1000)
    mix.move(State.MAKING, to=State.RUNNING, took_ms=took, steps=done["timings"], acts=done["acts"], measured=measured)


@shared_task(name="mixer.measure_machine")
def measure_machine(code: str) -> None:
    """Look at the virtual machine from the host, and ask it for the name of its kernel."""
    sandbox = _running(code, services.BESIDE)
    if sandbox is None:
        return
    measured: dict[str, object] = {"error": ""}
    try:
        seen = gateway.look(sandbox).to_dict()
        told = gateway.exec(sandbox, ["uname", "-r"], timeout=10.0, limit=64)
        measured |= measuring.machine(seen, told.stdout.decode(errors="replace").strip())
    except gateway.GatewayError as error:
        log.error("the machine of %s: %s", code[:8], error)
        measured["error"] = str(error)
    Beside.objects.update_or_create(lab=sandbox.lab, defaults={"measured": measured})


def _running(code: str, name: str) -> Sandbox | None:
    rows = Sandbox.objects.select_related("lab").filter(lab__code=code, name=name, status=Status.RUNNING)
    return rows.first()
