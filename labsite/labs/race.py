"""A race: so many containers and virtual machines start at the same moment, and each is timed to its first command.

It is asked for by the owner of a lab, one at a time on a node, and only if the node has room for all of them beside the
machines of others. Nobody keeps a racer: all are removed at the end, and what a killed worker leaves is removed by
`reconcile`, which finds that no race is on.
"""

import logging
import os
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.core.cache import cache

from labsite.labs import gateway, limits, notify
from labsite.labs.models import LabSession, Sandbox, Status

log = logging.getLogger(__name__)

MOST = {"container": 10, "vm": 3}
MEMORY = 128 << 20
REST = 15  # seconds before the same person may start another
LONGEST = 90  # seconds after which a race is over whatever happens
PATIENCE = 40.0  # seconds for one racer
KEPT = 3600  # seconds for which the result of a lab's last race can be read again


class RaceRefused(Exception):
    """No race now; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Racer:
    """One that starts. `ms` is the time to its first command, `made_ms` until it was made; None while it is on its way."""

    kind: str
    number: int
    ms: float | None = None
    made_ms: float | None = None
    error: str = ""

    @property
    def name(self) -> str:
        return f"race-{self.kind}-{self.number}"


def ask(lab: LabSession, counts: dict[str, int]) -> str:
    """Let a race begin; its name. RaceRefused: rest, room or busy."""
    from labsite.labs.tasks import run_race

    if limits.room() < sum(counts.values()):
        raise RaceRefused("room")
    race = secrets.token_hex(4)
    if not cache.add(f"race.rest.{lab.user_id}", race, REST):
        raise RaceRefused("rest")
    if not cache.add(_flag(), race, LONGEST):
        raise RaceRefused("busy")
    lab.touch()
    run_race.apply_async((lab.code, race, counts.get("container", 0), counts.get("vm", 0)), expires=LONGEST / 2)
    return race


def _flag() -> str:
    """Set while a race is on, on this node."""
    return f"race.on.{settings.NODE_NAME}"


def run(lab: LabSession, race: str, counts: dict[str, int]) -> None:
    """Start all, tell the page of each, take all away again."""
    bounded = {kind: min(counts.get(kind, 0), most) for kind, most in MOST.items()}
    racers = [Racer(kind, number) for kind, count in bounded.items() for number in range(1, count + 1)]
    try:
        _tell(lab, race, racers, "on")
        for _ in arrivals(lab, racers):
            _tell(lab, race, racers, "on")
    finally:
        _remove(lab, racers)
        _tell(lab, race, racers, "over")
        cache.delete(_flag())


def arrivals(lab: LabSession, racers: list[Racer]) -> Iterator[Racer]:
    """Each racer, when it has arrived or failed."""
    image = next((each.request.get("image") for each in lab.sandboxes.all()), "linux")
    with ThreadPoolExecutor(max_workers=max(1, len(racers))) as pool:
        began = time.monotonic()
        going = [pool.submit(_go, _sandbox(lab, racer, str(image)), racer, began) for racer in racers]
        for one in as_completed(going):
            yield one.result()


def _sandbox(lab: LabSession, racer: Racer, image: str) -> Sandbox:
    """A machine that no row knows: same image and limits for all, whatever kind they are."""
    request: dict[str, Any] = {
        "image": image, "profile": "strict", "memory": MEMORY, "cpus": 1, "pids": 64, "disk": 64 << 20, "net": "none",
    }  # fmt: skip
    if racer.kind == "vm":
        request["backend"] = "vm"
    return Sandbox(lab=lab, name=racer.name, request=request, backend=racer.kind, status=Status.STARTING)


def _go(sandbox: Sandbox, racer: Racer, began: float) -> Racer:
    """Make it, run one command in it, look at the clock."""
    try:
        gateway.create(sandbox, known={}, annotations={gateway.RACER: sandbox.lab.code})
        racer.made_ms = _since(began)
        done = gateway.exec(sandbox, ["/bin/sh", "-c", ":"], timeout=PATIENCE)
        racer.ms = _since(began)
        if done.code:
            racer.error = f"its first command ended with status {done.code}"
    except gateway.GatewayError as error:
        racer.error = error.detail["message"]
    return racer


def _since(began: float) -> float:
    return round((time.monotonic() - began) * 1000, 1)


def _remove(lab: LabSession, racers: list[Racer]) -> None:
    for racer in racers:
        try:
            gateway.delete(_sandbox(lab, racer, "").runtime_id)
        except gateway.GatewayError as error:
            log.warning("%s of lab %s is left to the reconciler: %s", racer.name, lab.code[:8], error)


def _tell(lab: LabSession, race: str, racers: list[Racer], state: str) -> None:
    """The whole race each time: a page that missed a message has all with the next."""
    told = {"type": "race", "race": race, "state": state, "racers": [asdict(racer) for racer in racers], "cpus": os.cpu_count()}
    cache.set(f"race.{lab.code}", told, KEPT)
    notify.send(lab.code, told)


def last(lab: LabSession) -> dict[str, Any] | None:
    """The lab's last race, as its page was told."""
    return cache.get(f"race.{lab.code}")


def clear() -> None:
    """Remove the racers that a worker left behind when it was killed."""
    if cache.get(_flag()):
        return
    for runtime_id in gateway.racers():
        log.warning("racer %s belongs to no race: removed", runtime_id)
        gateway.delete(runtime_id)
