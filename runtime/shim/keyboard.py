"""The keyboard of a terminal: what was typed and the pty has not yet taken.

A pty holds some kilobytes of input. A program that is busy does not read, and a paste is larger than
that; so what does not fit waits here, up to a mebibyte, and goes in as the program reads.

See pty(7).
"""

from __future__ import annotations

import os

MOST = 1 << 20
PIECE = 16 * 1024


class Keyboard:
    """Input on its way to the master end of a pty, which is non-blocking."""

    def __init__(self, master: int) -> None:
        self.master = master
        self.waiting = bytearray()

    def type(self, text: bytes) -> bool:
        """Take it whole, in order; or nothing of it, where a program that never reads has left no room."""
        if len(self.waiting) + len(text) > MOST:
            return False
        self.waiting += text
        return True

    def write(self) -> None:
        """Give the pty as much as it takes now."""
        try:
            while self.waiting:
                del self.waiting[: os.write(self.master, self.waiting[:PIECE])]
        except BlockingIOError:
            return
        except OSError:  # hung up: nobody will read it
            self.waiting.clear()
