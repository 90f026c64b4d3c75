"""One end of a proxied connection: HTTP by h11, with bounds on time and size."""

import asyncio
from typing import Any

import h11

from labsite.previews.limits import CHUNK, HEAD_BYTES, IDLE_SECONDS


class Peer:
    """A stream and what h11 knows of it; reading waits no longer than IDLE_SECONDS, and writing waits for the reader."""

    def __init__(
        self, role: type[h11.CLIENT] | type[h11.SERVER], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.http = h11.Connection(role, max_incomplete_event_size=HEAD_BYTES)
        self.reader, self.writer = reader, writer

    async def event(self, patience: float = IDLE_SECONDS) -> Any:
        """The next event; TimeoutError, or h11.RemoteProtocolError."""
        while True:
            event = self.http.next_event()
            if event is not h11.NEED_DATA:
                return event
            async with asyncio.timeout(patience):
                data = await self.reader.read(CHUNK)
            self.http.receive_data(data)

    async def send(self, event: Any) -> None:
        """Send one event, and wait until the other side takes more."""
        data = self.http.send(event)
        if data:
            await self.write(data)

    async def write(self, data: bytes) -> None:
        """Bytes as they are."""
        self.writer.write(data)
        async with asyncio.timeout(IDLE_SECONDS):
            await self.writer.drain()

    def rest(self) -> bytes:
        """What came after the end of HTTP."""
        return self.http.trailing_data[0]

    def close(self, at_once: bool = False) -> None:
        """Close; `at_once` tells the other side that something is missing."""
        if at_once:
            self.writer.transport.abort()
        else:
            self.writer.close()
