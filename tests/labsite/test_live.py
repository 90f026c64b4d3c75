"""The whole site with real sandboxes: what a browser would send, and what it gets."""

import asyncio
import contextlib
import json
import re
import time
from pathlib import Path

import httpx
import pytest
import websockets

from tests.labsite.conftest import LESSON
from tests.labsite.stack import Stack, reason_not_to_run, running_site

pytestmark = pytest.mark.skipif(bool(reason_not_to_run()), reason=str(reason_not_to_run()))


@pytest.fixture(scope="module")
def site():
    """A running site."""
    with running_site(VITRINE_NODE_SANDBOXES="2") as stack:
        yield stack


class Visitor:
    """A browser without a screen: one cookie jar, one lab."""

    def __init__(self, site: Stack) -> None:
        self.site = site
        self.http = httpx.AsyncClient(base_url=site.url, headers={"Origin": site.url})
        self.sockets = []

    async def __aenter__(self) -> "Visitor":
        await self.http.get("/")
        return self

    async def __aexit__(self, *_: object) -> None:
        if hasattr(self, "lab"):
            await self.ask("DELETE", f"/api/v1/labs/{self.code}")
        for each in self.sockets:
            await each.close()
        await self.http.aclose()

    async def ask(self, method: str, path: str, data: dict | None = None) -> httpx.Response:
        token = self.http.cookies["csrftoken"]
        return await self.http.request(method, path, json=data, headers={"X-CSRFToken": token})

    async def open(self) -> dict:
        answer = await self.ask("POST", "/api/v1/labs", {"lesson": LESSON})
        assert answer.status_code == 201, answer.text
        self.lab, self.code = answer.json(), answer.json()["code"]
        return self.lab

    async def socket(self, path: str, **more: int):
        cookies = "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())
        options = {"origin": self.site.url, "additional_headers": {"Cookie": cookies}, "max_size": None, **more}
        opened = await websockets.connect(self.site.ws_url + path, **options)
        self.sockets.append(opened)
        return opened

    async def control(self):
        return await self.socket(f"/ws/labs/{self.code}/")

    async def terminal(self, query: str = ""):
        return await self.socket(f"/ws/labs/{self.code}/box/terminals/1/{query}")


async def hear(control, wanted: str) -> dict:
    """Listen until the machine has that status; what was said of it."""
    async with asyncio.timeout(40):
        while True:
            message = json.loads(await control.recv())
            sandbox = message["lab"]["sandboxes"][0] if message["type"] == "lab" else message
            if sandbox.get("status") == wanted:
                return sandbox
            assert sandbox.get("status") != "failed", sandbox


async def read(terminal, pattern: bytes) -> bytes:
    """Read output until the pattern is there."""
    seen = b""
    async with asyncio.timeout(30):
        while not re.search(pattern, seen):
            message = await terminal.recv()
            seen += message if isinstance(message, bytes) else b""
    return seen


async def test_from_a_click_to_a_prompt_and_back(site):
    """A visitor opens a lab, types as root of her sandbox, is checked, and leaves nothing."""
    async with Visitor(site) as visitor:
        await visitor.open()
        control = await visitor.control()
        sandbox = await hear(control, "running")
        terminal = await visitor.terminal()
        await read(terminal, rb"# ")
        await terminal.send(b"echo $((6*7))-$(id -un)\r")

        assert b"42-root" in await read(terminal, rb"42-root")
        assert sandbox["timings"]

        await control.send(json.dumps({"type": "check", "step": "look", "task": "identity"}))
        answer = json.loads(await asyncio.wait_for(control.recv(), 10))
        assert (answer["type"], answer["passed"], answer["state"]) == ("check", False, "not_yet")

    await nothing_left(site, visitor.code)


async def test_a_lost_socket_loses_no_byte(site):
    """F-25: Coming back with the offset one has seen, one gets what was missed, once, in order."""
    async with Visitor(site) as visitor:
        await visitor.open()
        await hear(await visitor.control(), "running")
        terminal = await visitor.terminal()
        seen = await read(terminal, rb"# ")
        await terminal.send(b"seq -s, 1 2000; echo en''d\r")
        await terminal.close()
        again = await visitor.terminal(f"?since={len(seen)}")
        rest = await read(again, rb"end\r")

        assert ",".join(map(str, range(1, 2001))).encode() in re.sub(rb"[\r\n]", b"", rest)


async def test_a_stranger_cannot_attach(site):
    """T-04, W-01: Another visitor's cookie does not open the terminal; neither does another origin."""
    async with Visitor(site) as visitor, Visitor(site) as other:
        await visitor.open()
        await hear(await visitor.control(), "running")
        other.code = visitor.code
        refused = await other.terminal()

        with pytest.raises(websockets.ConnectionClosed) as closed:
            while True:
                assert isinstance(await refused.recv(), str)
        assert closed.value.rcvd.code == 4404
        with pytest.raises(websockets.InvalidStatus):
            await websockets.connect(f"{site.ws_url}/ws/labs/{visitor.code}/", origin="http://localhost:1")


async def test_a_full_node_makes_a_line_that_moves(site):
    """The third of two gets a place in line, and starts when one leaves."""
    async with Visitor(site) as first, Visitor(site) as second, Visitor(site) as third:
        for visitor in (first, second):
            await visitor.open()
            await hear(await visitor.control(), "running")
        await third.open()
        control = await third.control()
        waiting = await hear(control, "queued")

        assert waiting["place"] == 1

        await first.ask("DELETE", f"/api/v1/labs/{first.code}")
        await hear(control, "running")


async def test_ending_closes_the_terminal(site):
    """An ended lab closes its terminals at once."""
    async with Visitor(site) as visitor:
        await visitor.open()
        control = await visitor.control()
        await hear(control, "running")
        terminal = await visitor.terminal()
        await read(terminal, rb"# ")
        await visitor.ask("DELETE", f"/api/v1/labs/{visitor.code}")

        said, code = await until_closed(terminal)
        assert ("ended", 4410) == (said["code"], code)


async def until_closed(terminal) -> tuple[dict, int]:
    """The last control message, and the code a socket was closed with."""
    said = {}
    with pytest.raises(websockets.ConnectionClosed) as closed:
        async with asyncio.timeout(10):
            while True:
                message = await terminal.recv()
                said = json.loads(message) if isinstance(message, str) else said
    return said, closed.value.rcvd.code


async def test_a_terminal_waits_for_its_machine(site):
    """Opened before the machine runs, a terminal has its prompt without being opened again."""
    async with Visitor(site) as visitor:
        await visitor.open()
        terminal = await visitor.terminal("?cols=77&rows=11")
        await read(terminal, rb"# ")
        await terminal.send(b"stty size\r")

        assert b"11 77" in await read(terminal, rb"11 77")


NONSENSE = ["{", "[]", "7", "{}", '{"type": "resize", "cols": -1, "rows": 24}', '{"type": "resize", "cols": 1e9, "rows": 24}',
            '{"type": "resize", "cols": "80", "rows": 24}', '{"type": "ack", "offset": -1}', '{"type": "ack"}',
            '{"type": "ack", "offset": true}', '{"type": "what"}', "[" * 9000, "x" * 20000]  # fmt: skip


async def test_nonsense_is_answered_and_the_shell_lives(site):
    """A-06, A-07, A-08: What is no message of the protocol gets an error frame; too much of it, or too large a paste, a close code."""
    async with Visitor(site) as visitor:
        await visitor.open()
        terminal = await visitor.terminal()
        await read(terminal, rb"# ")
        await terminal.send(b"echo pid=$$.\r")
        shell = re.search(rb"pid=\d+\.", await read(terminal, rb"pid=\d+\."))[0]
        for text in NONSENSE:
            await terminal.send(text)
            assert (await answer(terminal))["code"] == "message", text
        await terminal.send('{"type": "ack", "offset": 4611686018427387904}')
        assert (await answer(terminal))["code"] == "ack"

        await terminal.send(b"x" * 70_000)
        assert ("too-large", 4413) == ((closed := await until_closed(terminal))[0]["code"], closed[1])
        terminal = await visitor.terminal()
        for _ in range(101):
            await terminal.send("{")
        assert (await until_closed(terminal))[1] == 4400
        terminal = await visitor.terminal()
        await terminal.send(b"echo pid=$$.\r")
        assert shell in await read(terminal, rb"pid=\d+\.")


async def answer(terminal) -> dict:
    """The next error frame."""
    async with asyncio.timeout(10):
        while True:
            message = await terminal.recv()
            if isinstance(message, str) and json.loads(message)["type"] == "error":
                return json.loads(message)


async def test_a_page_that_acknowledges_unread_floods_costs_no_memory(site):
    """F-26, R-20: A hostile page acknowledges on and on and reads nothing: the web process stays as it was, others type on."""
    async with Visitor(site) as hostile, Visitor(site) as other:
        await hostile.open()
        await other.open()
        typist = await other.terminal()
        await read(typist, rb"# ")
        deaf = await hostile.socket(f"/ws/labs/{hostile.code}/box/terminals/1/", max_queue=1)
        await deaf.send(b"yes 0123456789012345678901234567890123456789\r")
        pid = daphne(site)
        before = proportional(pid)
        with contextlib.suppress(websockets.ConnectionClosed):
            for number in range(1, 1000):
                await deaf.send(json.dumps({"type": "ack", "offset": number * 65536}))
                await asyncio.sleep(0.002)
        await typist.send(b"echo $((40+2))-here\r")

        assert b"42-here" in await read(typist, rb"42-here")
        assert proportional(pid) - before < 6 << 20
        deaf.transport.abort()


def daphne(site: Stack) -> int:
    """The process that serves the site's sockets."""
    wanted = ["-p", site.ws_url.rpartition(":")[2]]
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            words = (entry / "cmdline").read_text().split("\0")
            if "daphne" in words and wanted == words[words.index("-p") :][:2]:
                return int(entry.name)
    raise AssertionError(f"no Daphne with {wanted}")


def proportional(pid: int) -> int:
    """Its proportional set size in bytes."""
    return int(re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1]) * 1024


async def nothing_left(site: Stack, code: str) -> None:
    """Wait until no sandbox of the lab is on the node; those kept ready for others have no lab."""
    deadline = time.monotonic() + 20
    while left := list((site.run / "sandboxes").glob(f"{code[:12]}-*")):
        assert time.monotonic() < deadline, left
        await asyncio.sleep(0.1)
