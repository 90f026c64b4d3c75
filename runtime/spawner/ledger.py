"""The ledger: which shims live, and who waits for the end of which.

It is kept in memory and can be made again from disk: each `state.json` names its shim by pid,
start time and boot. A pid alone proves nothing, because numbers are used again.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from runtime.errors import VitrineError
from runtime.oci import state as records
from runtime.paths import ID_PATTERN, Paths, is_pooled


@dataclass
class Entry:
    """One sandbox that is alive, or is being removed."""

    id: str
    shim: int | None = None  # a pidfd
    child_pid: int = 0  # ours to reap, if the shim is our child
    undertaker: int | None = None  # a pidfd too
    waiting: list[socket.socket] = field(default_factory=list)
    born: str = ""  # the name it had in the pool
    recipe: str = ""  # what it is ready for, while it is there
    ready: bool = False
    control: socket.socket | None = None  # our end of its socket, until it has taken a request
    failure: str = ""
    asked: tuple[socket.socket, dict[str, Any]] | None = None  # the request it is taking

    @property
    def going(self) -> bool:
        """Is its removal under way?"""
        return self.undertaker is not None

    @property
    def pooled(self) -> bool:
        """Does it wait for someone to ask? Then it is nobody's sandbox yet."""
        return is_pooled(self.id)


def survivors(paths: Paths) -> Iterator[tuple[str, int | None]]:
    """Every sandbox found on disk, with a pidfd of its shim if that still lives."""
    if not paths.sandboxes.is_dir():
        return
    for directory in sorted(paths.sandboxes.iterdir()):
        if ID_PATTERN.fullmatch(directory.name):
            yield directory.name, shim_of(directory.name, paths)


def shim_of(identifier: str, paths: Paths) -> int | None:
    """A pidfd of the recorded shim, checked after opening: then it cannot be another's."""
    try:
        state = records.read(paths.state_file(identifier))
        pidfd = os.pidfd_open(state.shim_pid)
    except (OSError, ValueError, VitrineError):
        return None
    if records.is_alive(state.shim_pid, state.shim_start_time, state.boot_id):
        return pidfd
    os.close(pidfd)
    return None
