"""`python -m tests.chaos [--minutes 30] [--students 20]`: servers die at random under a class that types (F-34).

A whole site of its own is started. Each student opens a lab and types command after command; a socket that is
lost is opened again from the offset she has seen, as her page would. Meanwhile Redis, the servers of pages and
terminals, the workers and the spawner are killed in turn. At the end: how many round trips came back, and what is left.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import re
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import websockets

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labsite.settings")

from tests.labsite.stack import Stack, running_site

PATIENCE = 20.0  # seconds for one round trip, deaths included
VICTIMS = ("redis", "terminals", "worker", "pages")


@dataclass
class Tally:
    """What came of it."""

    tried: int = 0
    lost: int = 0
    deaths: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Round trips that came back, of those tried."""
        return 1 - self.lost / max(1, self.tried)


class Student:
    """One who types, and whose page reconnects."""

    def __init__(self, site: Stack, tally: Tally) -> None:
        self.site, self.tally = site, tally
        self.http = httpx.AsyncClient(base_url=site.url, headers={"Origin": site.url})
        self.code, self.seen, self.socket = "", 0, None

    async def lesson(self, until: float) -> None:
        """Open a lab, type till the time is over, end it."""
        from tests.labsite.conftest import LESSON

        await self.again(lambda: self.http.get("/"))
        token = {"X-CSRFToken": self.http.cookies["csrftoken"]}
        opened = await self.again(lambda: self.http.post("/api/v1/labs", json={"lesson": LESSON}, headers=token))
        self.code = opened.json()["code"]
        await self.echo(0)  # the machine is made meanwhile
        number = 0
        while time.monotonic() < until:
            number += 1
            self.tally.tried += 1
            self.tally.lost += not await self.echo(number)
            await asyncio.sleep(0.2)  # she looks at what it said
        token = {"X-CSRFToken": self.http.cookies["csrftoken"]}
        await self.again(lambda: self.http.delete(f"/api/v1/labs/{self.code}", headers=token))
        if self.socket:
            await self.socket.close()
        await self.http.aclose()

    async def again(self, ask) -> httpx.Response:
        """Ask until the site answers well."""
        async with asyncio.timeout(2 * PATIENCE):
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    answer = await ask()
                    if answer.status_code < 400:
                        return answer
                await asyncio.sleep(0.3)

    async def echo(self, number: int) -> bool:
        """Type a sum and wait for its result, over as many sockets as it takes."""
        wanted, shown, typed = f"={number + 1000}=".encode(), b"", False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while wanted not in shown:
                    try:
                        terminal = self.socket or await self.attach()
                        if not typed:
                            await terminal.send(f"echo =$(({number}+1000))=\r".encode())
                            typed = True
                        message = await terminal.recv()
                        if isinstance(message, bytes):
                            self.seen += len(message)
                            shown = (shown + message)[-4096:]
                            await terminal.send('{"type": "ack", "offset": %d}' % self.seen)  # noqa: UP031
                    except (OSError, websockets.WebSocketException):
                        self.socket = None
                        await asyncio.sleep(0.2)
                return True
        return False

    async def attach(self) -> websockets.ClientConnection:
        """A socket from where she was."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())
        path = f"{self.site.ws_url}/ws/labs/{self.code}/box/terminals/1/?since={self.seen}"
        options = {"origin": self.site.url, "additional_headers": {"Cookie": cookie}, "max_size": None}
        self.socket = await websockets.connect(path, **options)
        while isinstance(message := await self.socket.recv(), str):
            if found := re.search(r'"offset": ?(\d+)', message):
                self.seen = int(found[1])
                break
        return self.socket


async def reap(site: Stack, tally: Tally, until: float, every: float) -> None:
    """kill -9 of one part after another, each started again at once, as script/keep does."""
    while time.monotonic() + every < until:
        await asyncio.sleep(every)
        name = random.choice(VICTIMS)
        site.processes[name].send_signal(signal.SIGKILL)
        await asyncio.to_thread(site.processes[name].wait)
        site.start(name)
        tally.deaths.append(name)


async def run(site: Stack, seconds: float, students: int, every: float) -> Tally:
    """A class of that many, for that long."""
    tally, until = Tally(), time.monotonic() + seconds
    async with asyncio.TaskGroup() as group:
        group.create_task(reap(site, tally, until, every))
        for _ in range(students):
            group.create_task(Student(site, tally).lesson(until))
    await asyncio.to_thread(site.wait, site.url)
    end = time.monotonic() + 60
    while (left := remains(site)) and time.monotonic() < end:
        await asyncio.to_thread(site.manage, "reconcile")
        await asyncio.sleep(1)
    tally.left = left
    return tally


def remains(site: Stack) -> list[str]:
    """Sandboxes of labs that are still on the node; those made ahead are nobody's."""
    return [each.name for each in Path(site.run / "sandboxes").iterdir() if not each.name.startswith("pool-")]


def main() -> int:
    """Run, print, and judge: 0 if more than 99 of 100 came back and nothing is left."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--students", type=int, default=20)
    parser.add_argument("--every", type=float, default=20.0, metavar="SECONDS", help="between two deaths")
    options = parser.parse_args()
    with running_site() as site:
        tally = asyncio.run(run(site, options.minutes * 60, options.students, options.every))
    print(
        f"{tally.tried} round trips, {tally.lost} lost ({tally.rate:.2%} came back); {len(tally.deaths)} deaths; left: {tally.left or 'nothing'}"
    )
    return 0 if tally.rate > 0.99 and not tally.left else 1


if __name__ == "__main__":
    import django

    django.setup()
    sys.exit(main())
