"""A class: so many students at once, each with a lab of her own, who type while their tasks check themselves.

Each types a line, waits for its echo, presses Enter, and asks for the check as the page of a lab does soon after a
terminal has stirred. What she types makes the check say another thing each time, so each check is answered.
Students and site share the machine's processors. The figures: from the key to its echo, from the question to the
check's words, and how many of each.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from dataclasses import dataclass, field

import httpx
import websockets

from bench.peers import say
from bench.report import OURS, Series, Table
from bench.server import Server, own_site

LESSON, STEP, TASK = "containers/namespaces", "look", "identity"
KINDS = ("mnt", "net", "pid", "ipc", "user", "cgroup")
PAUSE = 2.0  # seconds between two ticks of a page
PATIENCE = 60.0


@dataclass
class Figures:
    """Milliseconds."""

    echo: list[float] = field(default_factory=list)
    check: list[float] = field(default_factory=list)


class Student:
    """A page without a screen."""

    def __init__(self, server: Server, figures: Figures) -> None:
        self.server, self.figures = server, figures
        self.http = httpx.AsyncClient(base_url=server.url, headers={"Origin": server.url}, timeout=PATIENCE)
        self.code = ""

    async def ask(self, method: str, path: str, data: dict[str, str] | None = None) -> httpx.Response:
        """One request of the API."""
        token = self.http.cookies["csrftoken"]
        answer = await self.http.request(method, path, json=data, headers={"X-CSRFToken": token})
        answer.raise_for_status()
        return answer

    async def socket(self, path: str) -> websockets.ClientConnection:
        """A websocket of her lab."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())
        address = f"ws://localhost:{self.server.ws_port}/ws/labs/{self.code}/{path}"
        return await websockets.connect(address, origin=self.server.url, additional_headers={"Cookie": cookie}, max_size=None)

    async def arrive(self) -> None:
        """Open the lab, and both sockets; the first prompt."""
        await self.http.get("/")
        self.code = (await self.ask("POST", "/api/v1/labs", {"lesson": LESSON})).json()["code"]
        self.control = await self.socket("")
        self.terminal = await self.socket("box/terminals/1/")
        await self.output(b"# ")

    async def output(self, wanted: bytes) -> None:
        """Read the terminal until it shows this."""
        seen = b""
        async with asyncio.timeout(PATIENCE):
            while wanted not in seen:
                message = await self.terminal.recv()
                seen += message if isinstance(message, bytes) else b""

    async def verdict(self) -> None:
        """Wait until the check speaks."""
        async with asyncio.timeout(PATIENCE):
            while json.loads(await self.control.recv())["type"] != "check":
                pass

    async def work(self, until: float) -> None:
        """Type and be checked, every two seconds or so, not in step with the others."""
        await asyncio.sleep(random.random() * PAUSE)
        number = 0
        while time.monotonic() < until:
            number += 1
            begun = time.monotonic()
            await self.terminal.send(b"readlink /proc/self/ns/%s >~/uts" % KINDS[number % len(KINDS)].encode())
            await self.output(b">~/uts")
            self.figures.echo.append((time.monotonic() - begun) * 1000)
            await self.terminal.send(b"\r")
            await self.output(b"# ")
            asked = time.monotonic()
            await self.control.send(json.dumps({"type": "check", "step": STEP, "task": TASK}))
            await self.verdict()
            self.figures.check.append((time.monotonic() - asked) * 1000)
            await asyncio.sleep(max(0.0, begun + PAUSE - time.monotonic()))

    async def leave(self) -> None:
        """End the lab."""
        with contextlib.suppress(httpx.HTTPError):
            await self.ask("DELETE", f"/api/v1/labs/{self.code}")
        await self.control.close()
        await self.terminal.close()
        await self.http.aclose()


async def lesson(server: Server, count: int, seconds: float) -> Figures:
    """A class of that many, for that long."""
    figures = Figures()
    students = [Student(server, figures) for _ in range(count)]
    for begin in range(0, count, 10):
        await asyncio.gather(*(student.arrive() for student in students[begin : begin + 10]))
    say(f"students: {count} labs are open")
    until = time.monotonic() + seconds
    await asyncio.gather(*(student.work(until) for student in students))
    await asyncio.gather(*(student.leave() for student in students))
    return figures


def students(count: int = 100, seconds: float = 60.0) -> Table:
    """The class, on a site of its own."""
    with own_site(VITRINE_NODE_SANDBOXES=str(2 * count)) as server:
        figures = asyncio.run(lesson(server, count, seconds))
    echo = Series("echo", f"{len(figures.echo)} lines", figures.echo)
    check = Series(OURS, f"check; {len(figures.check) / seconds:.0f} a second", figures.check)
    return Table(f"{count} students with checks that run by themselves", "ms", [check, echo])
