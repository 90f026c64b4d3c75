"""What is remembered of a container between two commands: one small file in a directory of its id.

Every command is a process of its own, so whatever the next one needs is written down: the pid and when
that process started (a pid is given out again), the bundle, the control groups. The status is never
stored: it is asked of the kernel each time.

See runtime.md "State".
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from runtime.bundle.groups import Groups
from runtime.errors import ExistsError, NotFoundError, SpecError
from runtime.oci.state import OCI_VERSION

NAME = re.compile(r"[\w+.-]{1,1024}")


@dataclass
class Record:
    """One container of this root directory."""

    id: str
    bundle: str
    pid: int = 0
    started: int = 0
    created: str = ""
    cgroups: str = ""
    annotations: dict[str, str] = field(default_factory=dict)


class Records:
    """The directory of `--root`: one directory for each container, named by its id."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def place(self, identifier: str) -> Path:
        if not NAME.fullmatch(identifier) or identifier in (".", ".."):
            raise SpecError("id", f"{identifier!r} may hold letters, digits and _ + - . only")
        return self.root / identifier

    def reserve(self, identifier: str) -> Path:
        """The container's directory with the pipe that `start` writes to; ExistsError if the id is taken."""
        place = self.place(identifier)
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            place.mkdir(mode=0o700)
        except FileExistsError:
            raise ExistsError(f"container {identifier!r} exists already") from None
        os.mkfifo(place / "start", 0o600)
        return place

    def write(self, record: Record) -> None:
        path = self.place(record.id) / "record.json"
        path.with_suffix(".new").write_text(json.dumps(asdict(record)))
        path.with_suffix(".new").rename(path)

    def read(self, identifier: str) -> Record:
        try:
            return Record(**json.loads((self.place(identifier) / "record.json").read_text()))
        except (FileNotFoundError, NotADirectoryError):
            raise NotFoundError(f"container {identifier!r} does not exist") from None
        except (ValueError, TypeError) as error:
            raise SpecError("record.json", f"of {identifier!r} is damaged: {error}; delete it with --force") from error

    def list(self) -> list[Record]:
        found = []
        for place in sorted(self.root.iterdir()) if self.root.is_dir() else ():
            with contextlib.suppress(NotFoundError, SpecError):
                found.append(self.read(place.name))
        return found

    def forget(self, identifier: str) -> None:
        shutil.rmtree(self.place(identifier), ignore_errors=True)

    def status(self, record: Record) -> str:
        """created, running, paused or stopped, by the kernel's word."""
        if not alive(record):
            return "stopped"
        if (self.place(record.id) / "start").exists():
            return "created"
        return "paused" if Groups(record.cgroups).frozen() else "running"

    def state(self, record: Record) -> dict[str, Any]:
        """The document that `state` prints."""
        status = self.status(record)
        found: dict[str, Any] = {"ociVersion": OCI_VERSION, "id": record.id, "status": status, "bundle": record.bundle}
        if status != "stopped":
            found["pid"] = record.pid
        return {**found, "created": record.created, "annotations": record.annotations}


def alive(record: Record) -> bool:
    """Is that very process still there, and not only waiting to be reaped?"""
    return record.pid > 0 and started(record.pid) == record.started and record.started > 0


def started(pid: int) -> int:
    """When a process started, in clock ticks since the host did; 0 if there is none, or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return 0 if fields[0] in "ZX" else int(fields[19])
