"""One client of the shim: a socket that never makes us wait.

Sending to a client that does not read would block the shim and with it every terminal of the
sandbox. So sockets are non-blocking; what the kernel does not take is kept, and whoever
produces more asks `clear` first.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from typing import Any

from runtime.errors import VitrineError
from runtime.loop import READ, WRITE, Loop
from runtime.shim import frames

MOST_UNSENT = 8 << 20


class Connection:
    """A client's socket, its half-read frame and its unsent bytes.

    `on_closed` belongs to whatever the connection is used for, `on_gone` and `on_failed` to who accepted it:
    what was asked for may turn out impossible only later.
    """

    def __init__(self, loop: Loop, sock: socket.socket) -> None:
        self.loop = loop
        self.socket = sock
        self.fd = sock.fileno()
        self.parser = frames.Parser()
        self.unsent = bytearray()
        self.open = True
        self.ending = False
        self.on_frame: Callable[[int, bytes], None] = lambda kind, payload: None
        self.on_clear: Callable[[], None] = lambda: None
        self.on_closed: Callable[[], None] = lambda: None
        self.on_gone: Callable[[], None] = lambda: None
        self.on_failed: Callable[[VitrineError], None] = lambda error: None
        sock.setblocking(False)
        loop.watch(self.fd, READ, self.ready)

    @property
    def clear(self) -> bool:
        """Has the kernel taken everything sent so far?"""
        return self.open and not self.unsent

    def ready(self, events: int) -> None:
        """Send what waits, then read what came."""
        if events & WRITE:
            self.drain()
        if self.open and events & ~WRITE:
            self.receive()

    def receive(self) -> None:
        """Read once and hand on the complete frames."""
        try:
            data = self.socket.recv(frames.LARGEST_OUTPUT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        try:
            for kind, payload in self.parser.feed(data):
                if not self.open:
                    return
                self.on_frame(kind, payload)
        except frames.FrameError as error:
            self.send_json(frames.CONTROL, {"type": "error", "code": "frame", "step": None, "message": str(error)})
            self.finish()

    def send(self, *parts: bytes | memoryview) -> None:
        """Send, or keep what does not go out at once."""
        if not self.open:
            return
        sent = 0
        if not self.unsent:
            try:
                sent = self.socket.sendmsg(parts)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.close()
                return
        self.keep(parts, sent)

    def keep(self, parts: tuple[bytes | memoryview, ...], sent: int) -> None:
        """Remember the rest of a partial send and ask to be told when there is room."""
        for part in parts:
            if sent < len(part):
                self.unsent += part[sent:]
            sent = max(0, sent - len(part))
        if len(self.unsent) > MOST_UNSENT:
            self.close()
        elif self.unsent:
            self.loop.watch(self.fd, READ | WRITE, self.ready)

    def drain(self) -> None:
        """Send what was kept."""
        try:
            sent = self.socket.send(self.unsent)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        del self.unsent[:sent]
        if self.unsent:
            return
        if self.ending:
            self.close()
            return
        self.loop.watch(self.fd, READ, self.ready)
        self.on_clear()

    def send_json(self, kind: int, message: dict[str, Any]) -> None:
        """Send one JSON frame."""
        self.send(frames.pack_json(kind, message))

    def finish(self) -> None:
        """Close as soon as everything has been sent."""
        self.ending = True
        if not self.unsent:
            self.close()

    def close(self) -> None:
        """Close now; the owner is told once."""
        if not self.open:
            return
        self.open = False
        self.loop.unwatch(self.fd)
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.on_closed()
        self.on_gone()
