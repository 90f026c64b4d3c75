"""The state of a container, as the OCI runtime specification words it, kept in state.json.

A pid alone proves nothing: pids are reused, and every pid is stale after a reboot. So the
record also holds the start time of init (field 22 of /proc/PID/stat) and the boot's id, and a
reader believes the pid only when all three agree. See proc_pid_stat(5).

The file is replaced, never rewritten: write beside it, fsync, rename. A reader sees the old
record or the new one, and a full disk cannot leave half of one.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from runtime.errors import NotFoundError, SpecError

OCI_VERSION = "1.0.2"
STATUSES = ("creating", "created", "running", "paused", "stopped")
LIMIT = 1 << 20


@dataclass(frozen=True)
class State:
    """One container's record; the fields below `annotations` are Vitrine's own."""

    id: str
    status: str
    pid: int = 0
    bundle: str = ""
    annotations: dict[str, str] = field(default_factory=dict)
    ociVersion: str = OCI_VERSION  # noqa: N815 - the specification's spelling
    start_time: int = 0
    boot_id: str = ""
    shim_pid: int = 0
    shim_start_time: int = 0
    uid_base: int = 0
    created: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: object) -> State:
        """Parse strictly: a record that is not ours is worse than none."""
        if not isinstance(data, dict):
            raise SpecError("state", "is not an object")
        known = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
        if known.get("status") not in STATUSES or not isinstance(known.get("id"), str):
            raise SpecError("state", "has no id or no valid status")
        for name in ("pid", "start_time", "shim_pid", "shim_start_time", "uid_base"):
            if not isinstance(known.get(name, 0), int):
                raise SpecError(f"state.{name}", "is not a number")
        return cls(**known)

    def with_status(self, status: str) -> State:
        return replace(self, status=status)


def start_time(pid: int) -> int:
    """When the process began, in clock ticks since boot; 0 when there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return 0
    # The second field, the name, may hold spaces and brackets: count from the last ')'.
    fields = text.rpartition(")")[2].split()
    return 0 if fields[0] in ("Z", "X") else int(fields[19])


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def is_alive(pid: int, since: int, boot: str) -> bool:
    """Whether this pid is still the process that was recorded, and not a later one."""
    return pid > 0 and since > 0 and boot == boot_id() and start_time(pid) == since


def write(path: Path, state: State) -> None:
    """Replace the record atomically."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(temporary, flags, 0o600)
    with os.fdopen(fd, "w") as file:
        json.dump(state.to_dict(), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    os.rename(temporary, path)


def read(path: Path) -> State:
    """Read a record; never through a symlink, never more than 1 MiB."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise NotFoundError(f"no state at {path}: {error.strerror}") from error
    with os.fdopen(fd, "rb") as file:
        data = file.read(LIMIT)
    try:
        return State.from_dict(json.loads(data))
    except (ValueError, TypeError) as error:
        raise SpecError("state", f"{path} is not a state: {error}") from error
