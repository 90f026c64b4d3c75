"""A terminal on record: a viewer of its own at the shim, who looks and never types or holds anything back.

It follows from an absolute offset, so what is written while the site restarts is caught up from the shim's ring
afterwards; what had rolled out of the ring by then is a gap, and the journal says how large.
"""

import asyncio
import codecs
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from labsite.labs import gateway

SOONEST, LATEST = 0.5, 5.0  # seconds until a machine that does not answer is tried again
LONGEST_LINE = 4096  # of what stood in the cursor's line when the recording began


class Tape:
    """One terminal: its place in the output, its decoder, and `note`, which puts an event into the journal."""

    def __init__(self, runtime_id: str, terminal: str, user: str, note: Callable[..., None], since: int | None) -> None:
        self.runtime_id, self.terminal, self.user = runtime_id, terminal, user
        self.note, self.offset = note, since
        self.head = 0  # where the output was when we attached for the first time
        self.size: tuple[int, int] | None = None
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.before = b""
        self.stream: Any = None
        self.gone = asyncio.Event()
        self.task = asyncio.create_task(self.follow())

    async def follow(self) -> None:
        """Stay attached until told to stop."""
        patience = SOONEST
        try:
            while True:
                self.gone.clear()
                with suppress(OSError):
                    self.stream = await gateway.open_terminal(
                        self.runtime_id, self.hello(), self.output, self.control, self.gone.set
                    )
                    patience = SOONEST
                    await self.gone.wait()
                self.stream = None
                await asyncio.sleep(patience)
                patience = min(2 * patience, LATEST)
        finally:
            if self.stream is not None:
                self.stream.close()

    def hello(self) -> dict[str, Any]:
        """Look only; never hold the program back."""
        cols, rows = self.size or (80, 24)
        n = int(self.terminal.rpartition("/")[2])
        return {"n": n, "since": self.offset, "cols": cols, "rows": rows, "write": False, "flow": False, "user": self.user}

    def control(self, message: dict[str, Any]) -> None:
        """The beginning, a new size, or output that was passed over."""
        kind = message["type"]
        if kind == "hello":
            self.greeted(message)
        elif kind == "size":
            self.resized(message["cols"], message["rows"])
        elif kind == "skip":
            self.missed(message["offset"])

    def greeted(self, message: dict[str, Any]) -> None:
        """Find the place in this terminal's output."""
        start, head = message["offset"], message["head"]
        if self.offset is None:
            self.head = head
        elif self.offset > head:
            self.note("m", self.terminal, "new", 0)
            self.decoder.reset()
        elif start > self.offset:
            self.missed(start)
        self.offset = start
        self.resized(message["cols"], message["rows"])

    def resized(self, cols: int, rows: int) -> None:
        """Note a size that is another."""
        if (cols, rows) != self.size:
            self.size = (cols, rows)
            self.note("r", self.terminal, cols, rows)

    def missed(self, offset: int) -> None:
        """Say how much is not here."""
        self.note("m", self.terminal, "gap", offset - (self.offset or 0))
        self.decoder.reset()
        self.offset = offset

    def output(self, data: bytes) -> None:
        """Put what is printed into the journal; of what was printed before the consent only the cursor's line."""
        self.offset = (self.offset or 0) + len(data)
        self.stream_ack()
        if self.offset <= self.head:
            self.before = (self.before + data)[-LONGEST_LINE:]
            return
        if self.head:
            data = self.since_consent(data)
        if text := self.decoder.decode(data):
            self.note("o", self.terminal, text, self.offset - len(self.decoder.getstate()[0]))

    def since_consent(self, data: bytes) -> bytes:
        """The line in which the cursor stood, and what follows."""
        old = len(data) - ((self.offset or 0) - self.head)
        line = (self.before + data[:old]).rpartition(b"\n")[2]
        self.head, self.before = 0, b""
        return line + data[old:]

    def stream_ack(self) -> None:
        """We have it: the shim may send more."""
        if self.stream is not None:
            self.stream.ack(self.offset or 0)

    def stop(self) -> None:
        """Detach."""
        self.task.cancel()
