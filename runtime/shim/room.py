"""Room: whoever looks at a terminal is told before the disk is full, in bytes or in files.

What a sandbox writes lies on a tmpfs of ours, and statvfs(2) of it costs two microseconds. It is asked half
a second after a terminal has shown something, so a sandbox in which nothing happens costs nothing, and
whoever fills her disk with a command is told when its prompt is back at the latest.

See statvfs(3), tmpfs(5). Without it the first sign is a program that fails with ENOSPC.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runtime.loop import Loop, Timer
from runtime.shim.terminal import Terminal

NEARLY = 90  # percent
LATER = 0.5  # seconds after the last look was asked for
Message = dict[str, Any]


def fill(disk: Path) -> Message:
    """How full: percent and what is left, of that which is scarcer (bytes or files)."""
    facts = os.statvfs(disk)
    parts = {
        "bytes": (facts.f_bavail * facts.f_frsize, facts.f_blocks * facts.f_frsize),
        "files": (facts.f_favail, facts.f_files),
    }
    of, (left, total) = min(parts.items(), key=lambda part: part[1][0] / max(1, part[1][1]))
    return {"type": "disk", "of": of, "percent": 100 * (total - left) // max(1, total), "left": left}


class Room:
    """Watches the disk of one sandbox for the viewers of its terminals. `disk` is where it is now."""

    def __init__(self, loop: Loop, disk: Callable[[], Path], terminals: dict[int, Terminal]) -> None:
        self.loop, self.disk, self.terminals = loop, disk, terminals
        self.timer: Timer | None = None
        self.told: int | None = None

    def look(self) -> None:
        """Something happened: measure soon, once."""
        if self.timer is None:
            self.timer = self.loop.call_later(LATER, self.measure)

    def greet(self) -> None:
        """Someone new looks: tell her too, if there is something to tell."""
        self.told = None
        self.look()

    def measure(self) -> None:
        """Tell what is nearly full, each time it is another percent, and once when it is not any more."""
        self.timer = None
        message = fill(self.disk())
        level = message["percent"] if message["percent"] >= NEARLY else 0
        if level != (self.told or 0):
            for terminal in self.terminals.values():
                for viewer in terminal.viewers:
                    viewer.control(message)
        self.told = level
