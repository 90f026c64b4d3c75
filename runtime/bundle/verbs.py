"""What can be done with a container that has been created.

See runtime.md "Operations": start, kill and delete have rules about the status they may meet.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Any

from runtime.bundle import config, hooks
from runtime.bundle.groups import Groups
from runtime.bundle.records import Record, Records
from runtime.errors import NotFoundError, RefusedError, SpecError
from runtime.linux.capabilities import NAMES as CAPABILITIES

DYING_SECONDS = 10.0
FEATURES: dict[str, Any] = {
    "ociVersionMin": "1.0.0",
    "ociVersionMax": "1.1.0",
    "hooks": ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"],
    "linux": {
        "namespaces": ["pid", "network", "mount", "ipc", "uts", "user", "cgroup"],
        "capabilities": [f"CAP_{name.upper()}" for name in CAPABILITIES],
        "cgroup": {"v1": True, "v2": True, "systemd": False, "systemdUser": False, "rdma": False},
        "seccomp": {"enabled": True},
        "apparmor": {"enabled": False},
        "selinux": {"enabled": False},
    },
}


def refuse(record: Record, verb: str, status: str) -> RefusedError:
    """The error of an operation that the specification forbids in this status."""
    return RefusedError("status", None, f"cannot {verb} container {record.id!r}: it is {status}")


def start(records: Records, identifier: str) -> None:
    """Let the program begin."""
    record = records.read(identifier)
    status = records.status(record)
    if status != "created":
        raise refuse(record, "start", status)
    pipe = records.place(identifier) / "start"
    fd = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    pipe.unlink()
    os.write(fd, b"1")
    os.close(fd)
    with contextlib.suppress(SpecError):
        hooks.try_all(bundle_of(record).hooks("poststart"), records.state(record))


def bundle_of(record: Record) -> config.Bundle:
    return config.read(Path(record.bundle))


def kill(records: Records, identifier: str, number: int, *, everyone: bool = False) -> None:
    """Send a signal to the first process, or to all."""
    record = records.read(identifier)
    status = records.status(record)
    if status == "stopped" and not everyone:
        raise refuse(record, "kill", status)
    for pid in Groups(record.cgroups).processes() if everyone else [record.pid]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def delete(records: Records, identifier: str, *, force: bool = False) -> None:
    """Remove what creation made. Only a stopped container may be deleted, unless forced."""
    try:
        record = records.read(identifier)
    except (NotFoundError, SpecError):
        if force:
            records.forget(identifier)
            return
        raise
    status = records.status(record)
    if status not in ("stopped", "created") and not force:
        raise refuse(record, "delete", status)
    groups = Groups(record.cgroups)
    _end(groups, record, records)
    groups.remove()
    final = {**records.state(record), "status": "stopped"}
    with contextlib.suppress(SpecError):
        hooks.try_all(bundle_of(record).hooks("poststop"), final)
    records.forget(identifier)


def _end(groups: Groups, record: Record, records: Records) -> None:
    """Kill whatever is in the groups; frozen processes must thaw to die."""
    with contextlib.suppress(OSError, SpecError):
        groups.freeze(False)
    until = time.monotonic() + DYING_SECONDS
    while pids := _left(groups, record, records):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > until:
            raise RefusedError("status", None, f"processes of {record.id!r} do not end: {pids}")
        time.sleep(0.01)


def _left(groups: Groups, record: Record, records: Records) -> list[int]:
    with contextlib.suppress(OSError, StopIteration):
        return groups.processes()
    return [record.pid] if records.status(record) != "stopped" else []


def pause(records: Records, identifier: str, paused: bool) -> None:
    """Freeze every process of the container, or thaw them."""
    record = records.read(identifier)
    status = records.status(record)
    if status != ("running" if paused else "paused"):
        raise refuse(record, "pause" if paused else "resume", status)
    Groups(record.cgroups).freeze(paused)


def signal_number(word: str) -> int:
    """A number, or a name with or without SIG."""
    if word.isdecimal():
        number = int(word)
    else:
        name = word.upper() if word.upper().startswith("SIG") else f"SIG{word.upper()}"
        number = getattr(signal, name, 0)
    if not 0 < number < signal.NSIG:
        raise SpecError("signal", f"{word!r} is not a signal")
    return int(number)
