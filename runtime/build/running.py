"""RUN: a sandbox of ours on the layers so far, one command in it, and its upper directory as the layer.

A child makes the sandbox, because whoever makes one enters its mount namespace: the upper directory is
a tmpfs that exists only there. The command's output goes to our standard error. When the command has
ended, whatever it left running is killed first, so that nothing changes while the layer is written.

The sandbox has no network and the limits it was given; a build that hangs or fills its disk
harms nobody. If the builder dies, the child dies (PR_SET_PDEATHSIG), and the sandbox with it.

See prctl(2), runtime.container.lifecycle.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from runtime.container.lifecycle import Container, cleanup
from runtime.container.processes import Spawned
from runtime.errors import StepError, VitrineError
from runtime.events import Silence
from runtime.image.changes import of_the_runtime
from runtime.image.layer import Ids
from runtime.image.merged import Merged
from runtime.image.store import Layer, Store
from runtime.linux import cgroups, syscalls
from runtime.linux import constants as c
from runtime.oci.digest import Descriptor
from runtime.oci.manifest import LAYER
from runtime.oci.spec import Process, sandbox_spec
from runtime.paths import Paths, PrivatePaths

STEM = "b"  # of the directory under `run` that a build has for itself, before the builder's pid


@dataclass(frozen=True)
class Bounds:
    """What the commands of a build may use."""

    memory_bytes: int = 1 << 30
    cpus: float = 2.0
    pids: int = 512
    disk_bytes: int = 2 << 30


@dataclass(frozen=True)
class Outcome:
    """How it ended; `reason` says what limit was met, `layer` is None when it failed."""

    status: int
    reason: str = ""
    layer: Layer | None = None


def own_paths(paths: Paths) -> Paths:
    """A run directory for this build: a spawner must not take its sandboxes for lost ones."""
    return PrivatePaths(paths.state, paths.run / f"{STEM}{os.getpid()}")


def sweep(paths: Paths) -> None:
    """Remove what killed builders left."""
    for directory in paths.run.glob(f"{STEM}[0-9]*"):
        pid = directory.name.removeprefix(STEM)
        if pid.isdecimal() and not Path("/proc", pid).exists():
            clear(PrivatePaths(paths.state, directory))


def clear(own: Paths) -> None:
    """Remove every sandbox of a build, its directory, and the control groups that held the sandboxes' own."""
    for sandbox in own.sandboxes.glob("*"):
        cleanup(sandbox.name, own)
    cgroups.remove_parents(own.cgroup)
    shutil.rmtree(own.run, ignore_errors=True)


def run(store: Store, layers: list[Path], process: Process, own: Paths, bounds: Bounds, newest: int) -> Outcome:
    """Run one command on these layers (lowest first). KeyboardInterrupt ends it and leaves nothing."""
    identifier = f"build-{os.getpid()}"
    reader, writer = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _child(store, layers, process, own, identifier, bounds, newest, writer)
    os.close(writer)
    try:
        with os.fdopen(reader, "rb") as pipe:
            report = pipe.read()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        cleanup(identifier, own)
    if not report:
        raise VitrineError("the process that made the sandbox was killed")
    return _outcome(json.loads(report))


def _outcome(report: dict[str, Any]) -> Outcome:
    if "error" in report:
        raise VitrineError(report["error"])
    layer = None
    if report["layer"]:
        digest, size, entries = report["layer"]
        layer = Layer(Descriptor(LAYER, digest, size), digest, entries)
    return Outcome(report["status"], report["reason"], layer)


def _child(
    store: Store, layers: list[Path], process: Process, own: Paths, identifier: str, bounds: Bounds, newest: int, writer: int
) -> NoReturn:
    """Never returns."""
    try:
        os.setsid()
        syscalls.prctl(c.PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        spec = sandbox_spec(identifier, hostname="build", **vars(bounds))
        container = Container.create(spec, layers, own, Silence())
        report = _command(store, container, process, newest)
        container.delete()
    except StepError as error:
        report = _not_started(error)
    except BaseException as error:  # noqa: BLE001 - nothing may escape into the parent's code
        report = {"error": str(error) or type(error).__name__}
    try:
        os.write(writer, json.dumps(report).encode())
    finally:
        os._exit(0)


def _not_started(error: StepError) -> dict[str, Any]:
    """126 and 127 as a shell has them, where the command was the reason."""
    if error.step not in ("exec", "cwd") or not isinstance(error.cause, OSError):
        return {"error": str(error)}
    missing = isinstance(error.cause, FileNotFoundError)
    return {"status": 127 if missing else 126, "reason": f"{error.step}: {error.cause.strerror}", "layer": None}


def _command(store: Store, container: Container, process: Process, newest: int) -> dict[str, Any]:
    """Run it, wait, kill what it left, and write the layer."""
    code = _wait(container.spawn(process, terminal=False))
    killed = container.oom_kills()
    container.group.kill()
    disk = container.paths.sandbox(container.spec.id) / "disk"
    room = os.statvfs(disk)
    if code:
        reason = "its memory was used up (--memory)" if killed else ""
        if not room.f_bavail or not room.f_favail:
            reason = "its disk was full (--disk)"
        return {"status": code, "reason": reason, "layer": None}
    ids, upper = Ids(container.uid_base), disk / "upper"
    layer = store.layer_from_directory(upper, ids, newest, of_the_runtime(upper, Merged(container.layers), ids))
    return {"status": 0, "reason": "", "layer": [layer.diff_id, layer.descriptor.size, layer.entries]}


def _wait(spawned: Spawned) -> int:
    """Pass on what it writes until it has ended; its status, 128 + N for signal N."""
    os.close(spawned.stdin or -1)
    open_pipes = {fd for fd in (spawned.stdout, spawned.stderr) if fd is not None}
    while True:
        ready = select.select([*open_pipes, spawned.pidfd], [], [])[0]
        for fd in open_pipes.intersection(ready):
            data = os.read(fd, 65536)
            if data:
                _say(data)
            else:
                open_pipes.discard(fd)
        if spawned.pidfd in ready and not open_pipes.intersection(ready):
            status = os.waitstatus_to_exitcode(os.waitpid(spawned.pid, 0)[1])
            return 128 - status if status < 0 else status


def _say(data: bytes) -> None:
    while data:
        data = data[os.write(2, data) :]
