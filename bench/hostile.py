"""Three hundred sandboxes, one of them hostile: is a neighbour's keyboard still prompt, and does the site answer?

The crowd is idle, each with a shell. The neighbour is a guest of the site with a lab of her own, who types through
the whole path. The attacks run one after another for some seconds each, in one sandbox with a lesson's usual limits.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator

from bench.create import request
from bench.peers import say
from bench.report import OURS, Series, Table
from bench.scale import born
from bench.server import own_site
from bench.students import Figures, Student
from runtime.errors import VitrineError
from runtime.shim.client import ShimClient
from runtime.spawner.client import SpawnerClient

SECONDS = 8.0
ATTACKS = {
    "nothing": "sleep 60",
    "fork bomb": "b() { b | b & }; b; wait",
    "memory": "python3 -c 'held = []\nwhile True: held.append(bytearray(1 << 20))'; sleep 60",
    "disk": "while :; do cat /dev/zero > /big; rm /big; done 2>/dev/null",
    "network namespaces": "while :; do unshare -n true; done 2>/dev/null",
    "mounts": "while :; do mount --bind /tmp /mnt; done 2>/dev/null",
    "terminals": "python3 -c 'import os, time\ntry:\n while True: os.openpty()\nexcept OSError: time.sleep(60)'",
    "processors": "for i in 1 2 3 4; do (while :; do :; done) & done; wait",
    "output": "exec yes",
}


@contextlib.contextmanager
def crowd(client: SpawnerClient, count: int) -> Iterator[None]:
    """So many idle sandboxes for the length of a block."""
    made = 0
    try:
        for made in range(1, count + 1):
            born(client, made)
        yield
    finally:
        for number in range(1, made + 1):
            client.delete(f"bench-{number}")


@contextlib.contextmanager
def attack(client: SpawnerClient, script: str) -> Iterator[None]:
    """A fresh sandbox in which a script runs at a terminal for the length of a block, watched by nobody."""
    client.create(**request(0, linked=False))
    shim = ShimClient(client.paths.shim_socket("bench-0"))
    terminal = shim.attach(n=1, since=None, cols=80, rows=24, write=True, flow=False)

    def run() -> None:
        with contextlib.suppress(VitrineError, OSError):  # the whole sandbox may end by it
            shim.exec(["bash", "-c", f"exec >/dev/pts/0 2>&1; {script}"], timeout=SECONDS)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join()
        terminal.close()
        client.delete("bench-0")


async def neighbour(student: Student, figures: Figures, pages: list[float]) -> None:
    """Type a key ten times a second, and ask for the first page twice a second."""
    until, number = time.monotonic() + SECONDS, 0
    while time.monotonic() < until:
        begun = time.monotonic()
        await student.terminal.send(b"x")
        await student.output(b"x")
        figures.echo.append((time.monotonic() - begun) * 1000)
        if (number := number + 1) % 5 == 0:
            asked = time.monotonic()
            (await student.http.get("/")).raise_for_status()
            pages.append((time.monotonic() - asked) * 1000)
        await asyncio.sleep(0.1)
    await student.terminal.send(b"\x15")


def hostile(count: int = 300) -> Table:
    """One line for each attack: the neighbour's echo."""
    series: list[Series] = []
    with own_site(VITRINE_NODE_SANDBOXES=str(count)) as server, asyncio.Runner() as runner:
        client = SpawnerClient(server.paths)
        student = Student(server, Figures())
        with crowd(client, count - 2):
            runner.run(student.arrive())
            say(f"hostile: {count} sandboxes are alive")
            for name, script in ATTACKS.items():
                figures, pages = Figures(), []
                with attack(client, script):
                    runner.run(neighbour(student, figures, pages))
                note = f"echo; first page p95 {Series('', '', pages).percentile(95):.0f} ms"
                series.append(Series(OURS if name == "nothing" else name, note, figures.echo))
            runner.run(student.leave())
    return Table(f"a neighbour's echo among {count} sandboxes, one of them hostile", "ms", series)
