"""The load generator: one browser-like client for two terminal protocols, one question a run.

It runs under the peers' interpreter (`python -m bench.load`), so it imports nothing but the standard
library, websockets, and its neighbours `bench.protocols` and `bench.link`. What arrives is queued without a bound, as a
browser's websocket does it, and *parsed* at a given speed. Only parsed bytes count. Past 50 MB of unparsed
bytes the rest is thrown away, as xterm.js does it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import connect

from bench.link import slow_link
from bench.protocols import PROTOCOLS, Protocol

CHUNK = 65536
DISCARD = 50_000_000
PATIENCE = 30.0
LINE = "y" * 78


class Client:
    """A terminal seen from the browser."""

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol
        self.speed = 0.0
        self.parsed = self.queued = 0
        self.debt = 0.0
        self.tail = b""
        self.queue: asyncio.Queue[bytes] = asyncio.Queue()
        self.news = asyncio.Event()

    async def receive(self) -> None:
        """Queue all that comes, at once."""
        async for message in self.protocol.socket:
            data = self.protocol.output(message)
            if data and self.queued < DISCARD:
                self.queued += len(data)
                self.queue.put_nowait(data)

    async def parse(self) -> None:
        """Take chunks off the queue at the speed of the parser, and acknowledge them."""
        while True:
            data = await self.queue.get()
            for start in range(0, len(data), CHUNK):
                await self.take(data[start : start + CHUNK])

    async def take(self, chunk: bytes) -> None:
        """Parse one chunk; small ones save their time up, for a sleep is never exact."""
        if self.speed:
            self.debt += len(chunk) / self.speed
        if self.debt > 0.005:
            start = time.monotonic()
            await asyncio.sleep(self.debt)
            self.debt -= time.monotonic() - start
        self.parsed += len(chunk)
        self.queued -= len(chunk)
        self.tail = (self.tail + chunk)[-4096:]
        await self.protocol.acknowledge(len(chunk))
        self.news.set()

    async def type(self, text: str) -> None:
        """Type, forgetting what was shown before."""
        self.tail = b""
        await self.protocol.input(text)

    async def wait(self, text: str, patience: float = PATIENCE) -> float:
        """Wait until some text has been parsed; the moment it was."""
        async with asyncio.timeout(patience):
            while text.encode() not in self.tail:
                self.news.clear()
                await self.news.wait()
        return time.monotonic()


async def settle(client: Client) -> None:
    """A prompt that cannot be mistaken for an echo of what was typed; then a megabyte, so that no buffer is new."""
    await asyncio.sleep(1)
    await client.type("stty -echoctl; PS1='ben''ch> '\r")
    await client.wait("bench> ")
    await client.type("seq 1 200000; echo SETTL''ED\r")
    await client.wait("SETTLED")
    await client.wait("bench> ")
    print("ready", flush=True)
    await asyncio.sleep(0.5)


async def echo(client: Client, keys: int = 200) -> list[float]:
    """Milliseconds from a key to its echo, twenty keys a second."""
    times = []
    for number in range(keys):
        key = "abcdefghij"[number % 10]
        start = time.monotonic()
        await client.type(key)
        times.append((await client.wait(key, 10) - start) * 1000)
        await asyncio.sleep(0.05)
        if number % 50 == 49:
            await client.type("\x15")
            await asyncio.sleep(0.2)
    return times


async def throughput(client: Client, rounds: int = 3) -> list[float]:
    """Megabytes a second of `cat` of a 50 MB text, parsed as fast as they come."""
    await client.type(f"yes {LINE} | head -c 50000000 >/tmp/bench-text; echo REA''DY\r")
    await client.wait("READY")
    rates = []
    for _ in range(rounds):
        before, start = client.parsed, time.monotonic()
        await client.type("cat /tmp/bench-text; echo D'ON'E\r")
        end = await client.wait("DONE")
        rates.append((client.parsed - before) / (end - start) / 1e6)
        await client.wait("bench> ")
    await client.type("rm /tmp/bench-text; echo GO''NE\r")
    await client.wait("GONE")
    return rates


async def until_prompt(client: Client, start: float) -> float:
    """Milliseconds until the prompt has been parsed; the whole patience if it never is."""
    try:
        return (await client.wait("bench> ") - start) * 1000
    except TimeoutError:
        return PATIENCE * 1000


async def interrupt(client: Client, speed: float = 5e6, rounds: int = 3) -> list[float]:
    """Milliseconds from Ctrl-C in a flood to the prompt, for a browser that parses so many bytes a second."""
    times = []
    for _ in range(rounds):
        client.speed = speed
        await client.type(f"yes {LINE}\r")
        await asyncio.sleep(2 + 0.013 * len(times))
        start = time.monotonic()
        await client.type("\x03")
        times.append(await until_prompt(client, start))
        client.speed = client.debt = 0.0
        if times[-1] >= PATIENCE * 1000:
            break
        await asyncio.sleep(0.5)
    return times


QUESTIONS = {"echo": echo, "throughput": throughput, "interrupt": interrupt, "slow": interrupt}


@contextlib.asynccontextmanager
async def client_of(url: str, protocol: str, headers: dict[str, str]) -> AsyncIterator[Client]:
    """A connected terminal, ended afterwards."""
    origin = {"origin": headers.pop("Origin")} if "Origin" in headers else {}
    options: dict[str, Any] = {"max_size": None, "max_queue": None, "compression": None, **origin}
    async with connect(url, additional_headers=headers, close_timeout=1, **options) as socket:
        client = Client(PROTOCOLS[protocol](socket))
        tasks = [asyncio.create_task(client.receive()), asyncio.create_task(client.parse())]
        try:
            await settle(client)
            yield client
            await client.type("\x03exit\r")
            await asyncio.sleep(0.5)
        finally:
            for task in tasks:
                task.cancel()


@contextlib.asynccontextmanager
async def way_to(url: str, slow: bool) -> AsyncIterator[str]:
    """The address itself, or that of a link of 1 MB/s and 40 ms in front of it."""
    if not slow:
        yield url
        return
    parts = urlsplit(url)
    async with slow_link(parts.hostname or "", parts.port or 80, 1e6, 0.04) as port:
        yield parts._replace(netloc=f"{parts.hostname}:{port}").geturl()


async def measure(question: str, url: str, protocol: str, headers: dict[str, str]) -> list[float]:
    """The answers to one question on one connection."""
    async with way_to(url, question == "slow") as address, client_of(address, protocol, headers) as client:
        return await QUESTIONS[question](client)


def main() -> None:
    """Read the request from the command line; print `ready`, then the measurements as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("question", choices=sorted(QUESTIONS))
    parser.add_argument("url")
    parser.add_argument("--protocol", choices=sorted(PROTOCOLS), required=True)
    parser.add_argument("--header", action="append", default=[], help="name: value")
    options = parser.parse_args()
    headers = dict(header.split(": ", 1) for header in options.header)
    print(json.dumps(asyncio.run(measure(options.question, options.url, options.protocol, headers))), flush=True)


if __name__ == "__main__":
    main()
