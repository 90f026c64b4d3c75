"""The one door to the runtime: no other module of the site imports it.

What passes here is a row of ours and a few plain values. The spawner checks them again:
a stolen web process can ask for no more than a lesson already allows.
"""

import json
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

from labsite.labs import recipe
from labsite.labs.models import LabSession, Sandbox
from runtime.errors import NotFoundError, RuntimeRefused, SpawnerUnavailable, SpecError
from runtime.image.store import Store
from runtime.linux.constants import NAMESPACE_FLAGS, PROC_NAMES
from runtime.mix import outcome, parcel
from runtime.mix.recipe import Mix
from runtime.paths import Paths
from runtime.shim import watching as xray
from runtime.shim.client import ExecResult, ShimClient
from runtime.shim.stream import TerminalStream
from runtime.shim.stream import open_terminal as open_stream
from runtime.spawner.client import SpawnerClient
from runtime.xray import boot
from runtime.xray.compare import Observation

OURS = "org.vitrine.lab"  # the annotation by which we know our sandboxes again
RACER = "org.vitrine.racer"  # and those of a race
FIRST_HOST = 10  # machine k of a lab is 10.88.0.(k+10)


class GatewayError(Exception):
    """The node refused or did not answer; `detail` is for the learner's page."""

    def __init__(self, code: str, step: str | None, message: str) -> None:
        super().__init__(message)
        self.detail = {"code": code, "step": step or "", "message": message}

    @property
    def unavailable(self) -> bool:
        """Nothing answered: nothing is known, and trying again is right."""
        return self.detail["code"] == "unavailable"


def create(sandbox: Sandbox, known: dict[str, str] | None = None, **other: Any) -> list[dict[str, Any]]:
    """Make the sandbox; the timed steps it was made by. `known` and `other`: as for a lab without a row."""
    if too_much := recipe.beyond(sandbox.request):
        raise GatewayError("limits", "limits", "; ".join(too_much))
    answer = _asked(SpawnerClient().create, **{**creation_request(sandbox, known), **other})
    return answer.get("timings", [])


def creation_request(sandbox: Sandbox, known: dict[str, str] | None = None) -> dict[str, Any]:
    """What the spawner is asked: limits from the row, names and addresses from the lab (or those `known`)."""
    lab = sandbox.lab
    return {
        **sandbox.request,
        "id": sandbox.runtime_id,
        "hostname": sandbox.name,
        "lab": lab.code[:12],
        "lab_index": sandbox.index,
        "hosts": (hosts(lab) if known is None else known) if sandbox.request.get("net") in ("lab", "internet") else {},
        "annotations": {OURS: lab.code},
    }


def hosts(lab: LabSession) -> dict[str, str]:
    """The names the machines of a lab know each other by."""
    return {each.name: f"10.88.0.{each.index + FIRST_HOST}" for each in lab.sandboxes.all()}


def delete(runtime_id: str) -> None:
    """Remove a sandbox and all it had; nothing happens if it has gone."""
    _asked(SpawnerClient().delete, runtime_id)


def alive() -> dict[str, dict[str, Any]]:
    """The sandboxes on this node that are ours, by id."""
    states = _asked(SpawnerClient().list)
    return {state["id"]: state for state in states if OURS in (state.get("annotations") or {})}


def racers() -> list[str]:
    """The ids of sandboxes that were made for a race."""
    return [state["id"] for state in _asked(SpawnerClient().list) if RACER in (state.get("annotations") or {})]


def has_image(name: str) -> bool:
    """Is there an image of that name on this node?"""
    try:
        Store(Paths.from_environment().images).lookup(name)
    except NotFoundError:
        return False
    return True


def ping() -> bool:
    """Does a spawner answer?"""
    try:
        SpawnerClient(timeout=2.0).ping()
    except (SpawnerUnavailable, RuntimeRefused):
        return False
    return True


def exec(sandbox: Sandbox, args: list[str], **options: Any) -> ExecResult:
    """Run a command inside: env, cwd, user, timeout, limit and stdin as in ShimClient.exec."""
    return _asked(_shim(sandbox).exec, args, **options)


def put(sandbox: Sandbox, path: str, data: bytes, mode: int = 0o644, uid: int = 0) -> None:
    """Write a file inside."""
    _asked(_shim(sandbox).put, path, data, mode, uid)


def port(sandbox: Sandbox, port: int, family: int = 4) -> socket.socket:
    """A socket to a server on the sandbox's own loopback, made in its network namespace."""
    return _asked(_shim(sandbox).port, port, family)


def replaced(sandbox: Sandbox, paths: list[str]) -> list[str]:
    """Which of these files of the image the sandbox has changed or hidden, as seen from outside."""
    return _asked(_shim(sandbox).replaced, paths)


def snapshot(sandbox: Sandbox, name: str) -> None:
    """Keep what the sandbox has changed; a request with `snapshot` RUNTIME_ID/NAME begins from there."""
    _asked(SpawnerClient().snapshot, sandbox.runtime_id, name)


def snapshots(runtime_id: str) -> list[str]:
    """Those of a sandbox, oldest first."""
    return list(_asked(SpawnerClient().snapshots, runtime_id))


def forget(runtime_id: str, after: str | None = None) -> None:
    """Remove a sandbox's snapshots, or those younger than one."""
    _asked(SpawnerClient().forget, runtime_id, after)


def observe(sandbox: Sandbox) -> dict[str, Any]:
    """What is seen from outside: processes, namespaces, mounts."""
    return _asked(_shim(sandbox).observe)


def host_namespaces(sandbox: Sandbox) -> dict[str, str]:
    """The numbers of the host's own namespaces, by kind: what no sandbox may ever share."""
    host = observe(sandbox)["host"]
    return {kind: str(host[PROC_NAMES.get(kind, kind)]) for kind in NAMESPACE_FLAGS}


def recipe_of_mix(data: dict[str, Any]) -> Mix:
    """Read a recipe for the mixer; GatewayError names what is wrong with it."""
    try:
        return Mix.from_dict(data)
    except SpecError as error:
        raise GatewayError("recipe", error.path, str(error)) from error


def mix(sandbox: Sandbox, data: dict[str, Any]) -> dict[str, Any]:
    """Make a mix inside a sandbox, as its own root would: the timed steps, and the errors of its acts."""
    wanted = recipe_of_mix(data)
    put(sandbox, parcel.PLACE, parcel.pack())
    result = exec(sandbox, parcel.COMMAND, stdin=json.dumps(wanted.to_dict()).encode(), timeout=10.0, limit=65536)
    if result.code or result.timed_out:
        words = result.stderr[-500:].decode(errors="replace").strip() or "it did not end in time"
        raise GatewayError("mix", None, f"the mix could not be made: {words}")
    return _asked(outcome.read, result.stdout)  # the sandbox's root could have said it


def machine(sandbox: Sandbox) -> dict[str, Any]:
    """Of a virtual machine: how it runs (`accelerator`, `why`, `restored`) and when each phase of its start was over."""
    facts = _asked(_shim(sandbox).state).get("machine", {})
    return {name: facts[name] for name in ("accelerator", "why", "restored", "memory_mib", "phases") if name in facts}


def how_it_ended(sandbox: Sandbox) -> str:
    """Why nothing runs in a sandbox that is still there: off, restarted, panic or killed of a machine; else `init`."""
    told = str(_asked(_shim(sandbox).state).get("machine", {}).get("ended", ""))
    ends = {"powered off": "off", "restarted": "restarted", "panicked": "panic", "QEMU": "killed"}
    return next((code for words, code in ends.items() if words in told), "init")


def phases(machine: dict[str, Any], timings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The steps of a machine's start, to be told after those of its container's making."""
    return boot.timings(machine, max((each["start_us"] + each["duration_us"] for each in timings), default=0))


async def open_terminal(
    runtime_id: str,
    hello: dict[str, Any],
    on_bytes: Callable[[bytes], None],
    on_control: Callable[[dict[str, Any]], None],
    on_closed: Callable[[], None],
) -> TerminalStream:
    """Attach to a terminal; bytes go from the shim to the browser with nothing between."""
    path = Paths.from_environment().shim_socket(runtime_id)
    return await open_stream(path, hello, on_bytes, on_control, on_closed)


def _shim(sandbox: Sandbox) -> ShimClient:
    return ShimClient(Paths.from_environment().shim_socket(sandbox.runtime_id))


def _asked(call: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Call the runtime; its errors become ours."""
    try:
        return call(*args, **options)
    except RuntimeRefused as error:
        raise GatewayError(error.code, error.step, error.message) from error
    except SpawnerUnavailable as error:
        raise GatewayError("unavailable", None, str(error)) from error
    except TimeoutError as error:
        raise GatewayError("unavailable", None, "the node did not answer in time") from error


def look(sandbox: Sandbox) -> Observation:
    """One observation of the x-ray: docs/xray.md has its fields. A check may ask it as the page does."""
    return _asked(xray.look, _shim(sandbox))


async def watch(runtime_id: str) -> AsyncIterator[dict[str, Any]]:
    """The x-ray's messages of one sandbox: a snapshot, then changes, until it ends."""
    try:
        async for message in xray.stream(Paths.from_environment().shim_socket(runtime_id)):
            yield message
    except RuntimeRefused as error:
        raise GatewayError(error.code, error.step, error.message) from error
    except SpawnerUnavailable as error:
        raise GatewayError("unavailable", None, str(error)) from error
