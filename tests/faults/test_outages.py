"""Redis, the database and the servers away, full, or replaced, under a running site: terminals go on, the rest says so and comes back."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
import websockets

from tests.labsite.conftest import LESSON
from tests.labsite.stack import Stack, reason_not_to_run, running_site
from tests.labsite.test_live import Visitor, daphne, hear, proportional, read

pytestmark = pytest.mark.skipif(bool(reason_not_to_run()), reason=str(reason_not_to_run()))


@pytest.fixture(scope="module")
def site() -> Iterator[Stack]:
    """A running site whose parts may be ended and started again."""
    with running_site() as stack:
        yield stack


async def echo(terminal, number: int) -> None:
    """Type, and read what comes back."""
    await terminal.send(f"echo $(({number}*2))-echoed\r".encode())
    await read(terminal, rb"%d-echoed" % (number * 2))


async def until(check: Callable, seconds: float = 30.0):
    """Ask a coroutine function until its answer is true."""
    deadline = time.monotonic() + seconds
    while not (answer := await check()):
        assert time.monotonic() < deadline, f"never true: {check}"
        await asyncio.sleep(0.1)
    return answer


def away(site: Stack, name: str) -> None:
    """kill -9 of a part, and nobody who brings it back."""
    site.processes[name].kill()
    site.processes[name].wait()


def redis_of(site: Stack) -> redis.Redis:
    """A client of the site's Redis."""
    return redis.Redis(unix_socket_path=str(site.run / "redis.sock"))


async def healthy(site: Stack, visitor: Visitor) -> None:
    """Until the site says that all of it is there."""

    async def asked() -> bool:
        return (await visitor.http.get("/healthz")).status_code == 200

    await until(asked)


async def test_without_redis_one_types_on(site):
    """F-10, F-09: Redis gone, with all it held: open terminals echo, pages read, a new lab is 503 in words; back, it starts by itself."""
    async with Visitor(site) as visitor, Visitor(site) as late:
        await visitor.open()
        terminal = await visitor.terminal()
        await read(terminal, rb"# ")
        pid = daphne(site)
        away(site, "redis")
        memory = proportional(pid)
        try:
            for number in range(100):
                await echo(terminal, number)
            refused = await late.ask("POST", "/api/v1/labs", {"lesson": LESSON})
            page = await late.http.post("/labs/", data={"lesson": LESSON, "csrfmiddlewaretoken": late.http.cookies["csrftoken"]})
            health = (await late.http.get("/healthz")).json()
            reading = await late.http.get("/")
        finally:
            site.start("redis")

        assert (refused.status_code, refused.json()["code"]) == (503, "outage")
        assert refused.headers["Retry-After"] and page.status_code in (302, 503)
        assert (health["redis"], health["spawner"], reading.status_code) == (False, True, 200)
        assert proportional(pid) - memory < 4 << 20
        await echo(terminal, 1000)
        await healthy(site, visitor)
        await late.open()
        site.manage("reconcile")
        await hear(await late.control(), "running")


async def test_a_terminal_is_opened_without_redis(site):
    """F-10: Even to come back to a machine needs no Redis: a socket that was lost finds its shell, and every byte."""
    async with Visitor(site) as visitor:
        await visitor.open()
        await hear(await visitor.control(), "running")
        terminal = await visitor.terminal()
        seen = await read(terminal, rb"# ")
        away(site, "redis")
        try:
            await terminal.send(b"seq -s, 1 500; echo en''d\r")
            await terminal.close()
            again = await visitor.terminal(f"?since={len(seen)}")
            rest = await read(again, rb"end\r")
        finally:
            site.start("redis")

        assert ",".join(map(str, range(1, 501))).encode() in re.sub(rb"[\r\n]", b"", rest)
        await healthy(site, visitor)


async def test_a_full_redis_is_an_outage(site):
    """F-11: Redis that takes nothing more: terminals echo, a new lab is 503; with room again all is well, nothing has crashed."""
    async with Visitor(site) as visitor, Visitor(site) as late:
        await visitor.open()
        terminal = await visitor.terminal()
        await read(terminal, rb"# ")
        client = redis_of(site)
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1")
        try:
            await echo(terminal, 7)
            refused = await late.ask("POST", "/api/v1/labs", {"lesson": LESSON})
            await echo(terminal, 8)
        finally:
            client.config_set("maxmemory", "0")
            client.close()

        assert refused.status_code == 503, refused.text
        assert {name: process.poll() for name, process in site.processes.items()} == dict.fromkeys(site.processes)
        await late.open()
        site.manage("reconcile")
        await hear(await late.control(), "running")


async def test_a_slow_redis_hangs_nobody(site):
    """F-11: While Redis hears nobody for some seconds terminals echo; what waited for it comes to its end."""
    async with Visitor(site) as visitor:
        await visitor.open()
        terminal = await visitor.terminal()
        await read(terminal, rb"# ")
        site.processes["redis"].send_signal(signal.SIGSTOP)
        try:
            for number in range(20):
                await echo(terminal, number)
        finally:
            site.processes["redis"].send_signal(signal.SIGCONT)
        await healthy(site, visitor)


async def test_without_a_database_one_types_on(site):
    """F-12: The database is gone: open terminals echo, pages are 503 in words, the reconciler destroys nothing; back, all is as before."""
    async with Visitor(site) as visitor:
        await visitor.open()
        terminal = await visitor.terminal()
        await read(terminal, rb"# ")
        sandboxes = list((site.run / "sandboxes").iterdir())
        with no_database(Path(site.environment["VITRINE_STATE"])):
            await echo(terminal, 3)
            page, api = await visitor.http.get("/"), await visitor.http.get(f"/api/v1/labs/{visitor.code}")
            health = (await visitor.http.get("/healthz")).json()
            with contextlib.suppress(Exception):
                site.manage("reconcile")
            await echo(terminal, 4)

        assert (page.status_code, api.status_code, api.json()["code"]) == (503, 503, "outage")
        assert not health["database"]
        assert {each for each in sandboxes if each.exists()} == set(sandboxes)
        await echo(terminal, 5)
        assert (await visitor.http.get(f"/api/v1/labs/{visitor.code}")).json()["status"] == "running"


@contextlib.contextmanager
def no_database(state: Path) -> Iterator[None]:
    """SQLite's file replaced by a directory: it cannot be opened, nor made anew."""
    kept = state / "kept"
    kept.mkdir()
    files = list(state.glob("db.sqlite3*"))
    for file in files:
        shutil.move(file, kept)
    (state / "db.sqlite3").mkdir()
    try:
        yield
    finally:
        (state / "db.sqlite3").rmdir()
        for file in kept.iterdir():
            shutil.move(file, state)
        kept.rmdir()


async def test_a_locked_database_delays_only_writers(site):
    """F-13: While somebody holds the write lock terminals echo and pages are read; a lab asked for meanwhile is opened afterwards."""
    import sqlite3

    async with Visitor(site) as visitor, Visitor(site) as late:
        await visitor.open()
        terminal = await visitor.terminal()
        await read(terminal, rb"# ")
        holder = sqlite3.connect(Path(site.environment["VITRINE_STATE"]) / "db.sqlite3", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        asked = asyncio.create_task(late.open())
        await echo(terminal, 11)
        await asyncio.sleep(0)
        assert not asked.done()
        holder.execute("ROLLBACK")
        holder.close()

        assert (await asked)["code"]
        await hear(await late.control(), "running")


async def test_a_new_version_takes_over(site):
    """F-21: SIGTERM to the servers of pages and terminals and to the workers: each ends by itself, sockets are closed, and the next
    ones go on with the same shell; what was asked for meanwhile is made."""
    async with Visitor(site) as visitor, Visitor(site) as late:
        await visitor.open()
        await hear(await visitor.control(), "running")
        terminal = await visitor.terminal()
        seen = await read(terminal, rb"# ")
        await terminal.send(b"echo pid=$$.; for i in $(seq 300); do echo line-$i; sleep 0.005; done; echo pid=$$. fi''n\r")
        seen += await read(terminal, rb"line-9\D")
        opened = asyncio.create_task(late.open())
        await opened
        for name in ("worker", "terminals", "pages"):
            site.processes[name].send_signal(signal.SIGTERM)
        with pytest.raises(websockets.ConnectionClosed):
            while True:
                message = await asyncio.wait_for(terminal.recv(), 30)
                seen += message if isinstance(message, bytes) else b""
        for name in ("worker", "terminals", "pages"):
            assert await asyncio.to_thread(site.processes[name].wait, 40) is not None
            site.start(name)
        for url in (site.url, site.ws_url):
            await asyncio.to_thread(site.wait, url)
        again = await visitor.terminal(f"?since={len(seen)}")
        seen += await read(again, rb"fin\r")

        assert [str(n).encode() for n in range(1, 301)] == re.findall(rb"^line-(\d+)\r", seen, re.M)
        assert len(set(re.findall(rb"^pid=(\d+)\.", seen, re.M))) == 1
        await hear(await late.control(), "running")


async def test_a_task_twice_and_late_is_one_machine(site):
    """F-04, F-05: A start that is delivered again, at once, in parallel, and long after: one machine, made once."""
    async with Visitor(site) as visitor:
        await visitor.open()
        before = await hear(await visitor.control(), "running")
        code = f"from labsite.labs.tasks import start_sandbox\nfor n in range(20): start_sandbox.delay({visitor.code!r}, 'box')"
        site.manage("shell", "--no-imports", "-c", code)
        client = redis_of(site)

        async def drained() -> bool:
            return client.llen("sandboxes") == 0 and client.hlen("unacked") == 0

        await until(drained)
        client.close()
        after = await hear(await visitor.control(), "running")

        assert before["generation"] == after["generation"]
        assert len(list((site.run / "sandboxes").glob(f"{visitor.code[:12]}-*"))) == 1
