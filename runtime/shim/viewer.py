"""A viewer: one browser (or one `exec -it`) looking at a terminal, as a cursor into its ring.

Two numbers make flow control. `cursor` is how far this viewer has been sent; `acked` is how
far it says it has *drawn*. It is sent at most one window more than it has drawn, so no queue
on the way (socket, web server, browser) can grow past that, and Ctrl-C takes effect within
one window however fast the program writes.
"""

from __future__ import annotations

import time
from typing import Any

from runtime.shim import frames
from runtime.shim.connection import Connection
from runtime.shim.ring import Ring

WINDOW = 128 * 1024  # docs/adr/: smaller costs throughput, larger costs Ctrl-C
SILENCE, SHORTEST_SILENCE = 10.0, 0.05  # seconds
MOST_ERRORS = 100


class Viewer:
    """Cursor, rights and socket of one viewer."""

    def __init__(self, connection: Connection, ring: Ring, *, write: bool, flow: bool, silence: float = SILENCE) -> None:
        self.connection = connection
        self.ring = ring
        self.write = write
        self.flow = self.wants_flow = flow
        self.silence = silence
        self.cursor = ring.head
        self.acked = ring.head
        self.heard = time.monotonic()
        self.told_exit = False
        self.errors = 0

    def begin(self, offset: int) -> None:
        """Start at an offset."""
        self.cursor = self.acked = offset

    def ack(self, offset: int) -> None:
        """Everything before this offset is on the screen; a repeated or lost ack is harmless.

        A viewer that was demoted for its silence and is heard again gets its hold back.
        """
        if offset > self.cursor:
            self.error("ack", f"acknowledged up to {offset}, but only {self.cursor} were sent")
            return
        self.heard = time.monotonic()
        self.flow = self.wants_flow
        self.acked = max(self.acked, offset)

    def demote(self) -> bool:
        """Take the hold from a viewer a window behind that has been silent too long; was it so?

        A sleeping laptop must not stop the learner's build. From here on it is skipped forward.
        """
        silent = time.monotonic() - self.heard >= self.silence
        if self.flow and silent and self.ring.head - self.acked >= WINDOW:
            self.flow = False
            return True
        return False

    def error(self, code: str, message: str) -> None:
        """Say what was wrong with a frame; the terminal goes on, but not for who sends nothing else."""
        self.errors += 1
        self.control({"type": "error", "code": code, "message": message})
        if self.errors > MOST_ERRORS:
            self.connection.finish()

    @property
    def unacked(self) -> int:
        """Bytes sent but not yet drawn."""
        return self.cursor - self.acked

    def control(self, message: dict[str, Any]) -> None:
        """Send a control message."""
        self.connection.send_json(frames.CONTROL, message)

    def pump(self) -> None:
        """Send from the ring while socket and window have room."""
        while self.connection.clear and self.cursor < self.ring.head:
            if self.cursor < self.ring.tail and not self.skip():
                return
            room = min(frames.LARGEST_OUTPUT, WINDOW - self.unacked)
            if room <= 0:
                return
            piece = self.ring.piece(self.cursor, room)
            self.cursor += len(piece)
            self.connection.send(frames.HEADER.pack(frames.OUTPUT, len(piece)), piece)

    def skip(self) -> bool:
        """A viewer a ring behind is moved forward, once it has drawn most of what it was sent."""
        if self.unacked > WINDOW // 2:
            return False
        self.begin(self.ring.head - self.ring.size // 2)
        self.control({"type": "skip", "offset": self.cursor})
        return True
