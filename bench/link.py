"""A slow link between the load generator and a server: so many bytes a second, so late.

A relay on a loopback port. What a server sends waits here in a buffer as small as a router's; when that is
full we stop reading, and TCP tells the server. What a client sends is only late.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

ROUTER = 32 * 1024  # bytes a queue on the way holds


async def downstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rate: float, delay: float) -> None:
    """From the server: at the link's rate, each piece `delay` seconds late."""
    loop = asyncio.get_running_loop()
    free = loop.time()
    while data := await reader.read(4096):
        free = max(free, loop.time()) + len(data) / rate
        loop.call_at(free + delay, writer.write, data)
        await asyncio.sleep(max(0.0, free - loop.time() - ROUTER / rate))
    loop.call_at(free + delay, writer.close)


async def upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """From the client: late, at any rate."""
    loop = asyncio.get_running_loop()
    while data := await reader.read(65536):
        loop.call_later(delay, writer.write, data)
    writer.close()


@contextlib.asynccontextmanager
async def slow_link(host: str, port: int, rate: float, round_trip: float) -> AsyncIterator[int]:
    """The port of a link to a server; bytes a second, seconds."""
    tasks: list[asyncio.Task[None]] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(host, port, limit=8192)
        tasks.append(asyncio.create_task(downstream(far_reader, writer, rate, round_trip / 2)))
        tasks.append(asyncio.create_task(upstream(reader, far_writer, round_trip / 2)))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
