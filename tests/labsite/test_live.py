"""The whole site with real sandboxes: what a browser would send, and what it gets."""

import asyncio
import json
import re
import time

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

    async def socket(self, path: str):
        cookies = "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())
        options = {"origin": self.site.url, "additional_headers": {"Cookie": cookies}, "max_size": None}
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
    async with asyncio.timeout(10):
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

    await nothing_left(site)


async def test_a_lost_socket_loses_no_byte(site):
    """Coming back with the offset one has seen, one gets what was missed, once, in order."""
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
    """Another visitor's cookie does not open the terminal; neither does another origin."""
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

        with pytest.raises(websockets.ConnectionClosed) as closed:
            async with asyncio.timeout(10):
                while True:
                    await terminal.recv()
        assert closed.value.rcvd.code in (4410, 4502)


async def nothing_left(site: Stack) -> None:
    """Wait until no sandbox is on the node."""
    deadline = time.monotonic() + 20
    while any((site.run / "sandboxes").iterdir()):
        assert time.monotonic() < deadline, list((site.run / "sandboxes").iterdir())
        await asyncio.sleep(0.1)
