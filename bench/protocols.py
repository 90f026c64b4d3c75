"""Two terminal protocols over websockets, behind one face."""

from __future__ import annotations

import json
from typing import Any


class Protocol:
    """How input is sent, output found in a message, and parsed output acknowledged."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket

    async def input(self, text: str) -> None:
        """Type."""
        await self.socket.send(text.encode())

    def output(self, message: str | bytes) -> bytes:
        """The terminal output in a message, if it has any."""
        return message if isinstance(message, bytes) else b""

    async def acknowledge(self, size: int) -> None:
        """Say that so many bytes more have been parsed."""


class Vitrine(Protocol):
    """vitrine.terminal.v1: bytes are bytes; control is JSON; offsets are absolute."""

    ACK_EVERY = 32768  # as static/js/stream.js does it

    def __init__(self, socket: Any) -> None:
        super().__init__(socket)
        self.offset = self.told = 0

    def output(self, message: str | bytes) -> bytes:
        """Binary messages are output; the hello says at which offset it begins."""
        if isinstance(message, bytes):
            return message
        control = json.loads(message)
        if control.get("type") in ("hello", "skip"):
            self.offset = self.told = control["offset"]
        return b""

    async def acknowledge(self, size: int) -> None:
        """Acknowledge by the absolute offset, now and then."""
        self.offset += size
        if self.offset - self.told < self.ACK_EVERY:
            return
        self.told = self.offset
        await self.socket.send(json.dumps({"type": "ack", "offset": self.offset}))


class Terminado(Protocol):
    """terminado: JSON lists, text only, no acknowledgement."""

    async def input(self, text: str) -> None:
        """Type."""
        await self.socket.send(json.dumps(["stdin", text]))

    def output(self, message: str | bytes) -> bytes:
        """Output is the second item of a "stdout" list."""
        kind, *rest = json.loads(message)
        return rest[0].encode() if kind == "stdout" else b""


PROTOCOLS = {"vitrine": Vitrine, "terminado": Terminado}
