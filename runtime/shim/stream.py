"""A terminal of a sandbox as an asyncio protocol, for whoever serves it to a browser.

Bytes are parsed where they were received (`BufferedProtocol` lets the event loop read straight
into our buffer) and handed on at once, without a queue: the shim already limits what is under
way to one window, so nothing can pile up here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runtime.shim import frames

BUFFER = 512 * 1024


class TerminalStream(asyncio.BufferedProtocol):
    """One attachment to one terminal; calls back for bytes, control messages and the end."""

    def __init__(
        self,
        hello: dict[str, Any],
        on_bytes: Callable[[bytes], None],
        on_control: Callable[[dict[str, Any]], None],
        on_closed: Callable[[], None],
    ) -> None:
        self.hello = hello
        self.on_bytes = on_bytes
        self.on_control = on_control
        self.on_closed = on_closed
        self.transport: asyncio.Transport | None = None
        self.buffer = bytearray(BUFFER)
        self.view = memoryview(self.buffer)
        self.filled = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        request = {"v": 1, "verb": "terminal", **self.hello}
        transport.write(frames.pack_json(frames.REQUEST, request))

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.view[self.filled :]

    def buffer_updated(self, nbytes: int) -> None:
        self.filled += nbytes
        position = 0
        while self.filled - position >= frames.HEADER.size:
            kind, length = frames.HEADER.unpack_from(self.buffer, position)
            start, end = position + frames.HEADER.size, position + frames.HEADER.size + length
            if end - position > BUFFER:
                self.close()
                return
            if end > self.filled:
                break
            self.deliver(kind, bytes(self.view[start:end]))
            position = end
        self.view[: self.filled - position] = bytes(self.view[position : self.filled])
        self.filled -= position

    def deliver(self, kind: int, payload: bytes) -> None:
        """Hand one frame to its callback."""
        if kind == frames.OUTPUT:
            self.on_bytes(payload)
        elif kind in (frames.CONTROL, frames.REQUEST):
            self.on_control(frames.unpack_json(payload))

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.view, self.buffer = memoryview(b""), bytearray()  # others may hold us for a while, but not this
        self.on_closed()

    def send(self, frame: bytes) -> None:
        """Write a frame unless the connection has gone."""
        if self.transport is not None:
            self.transport.write(frame)

    def input(self, data: bytes) -> None:
        """Type these bytes."""
        self.send(frames.pack(frames.INPUT, data))

    def ack(self, offset: int) -> None:
        """Say that everything before this absolute offset has been rendered."""
        self.send(frames.pack(frames.ACK, frames.OFFSET.pack(offset)))

    def resize(self, cols: int, rows: int) -> None:
        """Set the terminal's size."""
        self.send(frames.pack(frames.RESIZE, frames.SIZE.pack(cols, rows)))

    def pause(self) -> None:
        """Read no more from the shim; its socket fills, and it stops sending."""
        if self.transport is not None:
            self.transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if self.transport is not None:
            self.transport.resume_reading()

    def close(self) -> None:
        """Detach; the terminal itself goes on."""
        if self.transport is not None:
            self.transport.close()


async def open_terminal(
    path: Path | str,
    hello: dict[str, Any],
    on_bytes: Callable[[bytes], None],
    on_control: Callable[[dict[str, Any]], None],
    on_closed: Callable[[], None],
) -> TerminalStream:
    """Attach to a terminal of the sandbox whose shim listens at `path`.

    `hello` holds n, since (an offset or None), cols, rows, write and flow.
    """
    loop = asyncio.get_running_loop()
    _, stream = await loop.create_unix_connection(lambda: TerminalStream(hello, on_bytes, on_control, on_closed), str(path))
    return stream
