"""Small reads of the kernel's files, and the budget that every look is given.

`/proc/PID` is opened once and everything else is opened relative to it: the descriptor stays
with *that* process, so a pid that is given to another meanwhile reads as ESRCH and not as a
stranger's facts. See proc(5), openat(2).

A guest decides how much there is to read. So every read has a limit, every collection a number
of objects, and a look a time after which it takes no more new things up.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field

LARGEST = 64 * 1024


def read(path: str, dir_fd: int | None = None, limit: int = LARGEST) -> bytes:
    """The start of a file, in as few reads as it takes."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=dir_fd)
    try:
        data = os.read(fd, min(limit, 4096))
        if len(data) < min(limit, 4096) and (len(data) < 3072 or path == "cmdline"):
            return data
        parts, size = [data], len(data)
        while data and size < limit:
            data = os.read(fd, min(limit - size, 64 * 1024))
            parts.append(data)
            size += len(data)
        return b"".join(parts)
    finally:
        os.close(fd)


def number(path: str, default: int | None = None) -> int | None:
    """A file that holds one number; `max` and what cannot be read are the default."""
    try:
        return int(read(path))
    except (OSError, ValueError):
        return default


def keyed(data: bytes) -> dict[bytes, int]:
    """Lines of `name number`."""
    found = {}
    for line in data.splitlines():
        name, _, value = line.partition(b" ")
        if value.strip().isdigit():
            found[name] = int(value)
    return found


PATIENCE = 20  # times its processor time that a look may last


@dataclass
class Budget:
    """How much of a processor this look may use, and what was left out of it.

    Time in which others had the processor does not count, or a busy host would show less of every
    sandbox; but there is an end to waiting too.
    """

    seconds: float = 0.05
    began: float = field(default_factory=time.process_time)
    born: float = field(default_factory=time.monotonic)
    truncated: dict[str, int] = field(default_factory=dict)

    @property
    def spent(self) -> bool:
        return time.process_time() - self.began > self.seconds or time.monotonic() - self.born > self.seconds * PATIENCE

    def share(self, seconds: float) -> Budget:
        """A part of the time that is left, with the same account of what was left out."""
        left = self.began + self.seconds - time.process_time()
        return Budget(max(0.0, min(seconds, left)), truncated=self.truncated)

    def cut(self, collection: str, left_out: int) -> None:
        """Say that so many objects of a collection are missing; -1: nobody counted them."""
        if left_out < 0 or self.truncated.get(collection, 0) < 0:
            self.truncated[collection] = -1
        elif left_out:
            self.truncated[collection] = self.truncated.get(collection, 0) + left_out
