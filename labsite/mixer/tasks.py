"""The mixer's task: make a mix in its sandbox, look from the host, write down what was seen."""

import logging
from typing import Any

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
        measured = _measure(sandbox, letter)
    except gateway.GatewayError as error:
        log.error("mix %s of %s: %s", letter, code[:8], error)
        mix.move(State.MAKING, to=State.FAILED, error=str(error))
        return
    except measuring.PartlyError:
        mix.move(State.MAKING, to=State.FAILED, error="there is too much in the host to look at; end it and begin again")
        return
    except measuring.GoneError:
        mix.move(State.MAKING, to=State.FAILED, error="the process ended before it could be looked at")
        return
    took = round((timezone.now() - mix.asked_at).total_seconds() * 1000)
    mix.move(State.MAKING, to=State.RUNNING, took_ms=took, steps=done["timings"], acts=done["acts"], measured=measured)


def _measure(sandbox: Sandbox, letter: str, looks: int = 3) -> dict[str, Any]:
    """Look until a look left out nothing that is asked for; so many times at the most."""
    try:
        return measuring.measure(gateway.look(sandbox).to_dict(), gateway.host_namespaces(sandbox), letter)
    except measuring.PartlyError:
        if looks == 1:
            raise
        return _measure(sandbox, letter, looks - 1)


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
        measured |= measuring.machine(seen, told.stdout.decode(errors="replace"))
    except gateway.GatewayError as error:
        log.error("the machine of %s: %s", code[:8], error)
        measured["error"] = str(error)
    Beside.objects.update_or_create(lab=sandbox.lab, defaults={"measured": measured})


def _running(code: str, name: str) -> Sandbox | None:
    rows = Sandbox.objects.select_related("lab").filter(lab__code=code, name=name, status=Status.RUNNING)
    return rows.first()
