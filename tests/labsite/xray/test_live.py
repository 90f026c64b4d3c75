"""The x-ray of a real lab, as a browser would get it: from the kernel to the websocket."""

import asyncio
import json

import pytest
import websockets

from labsite.labs.gateway import Observation
from tests.labsite.stack import reason_not_to_run
from tests.labsite.test_live import Visitor, hear, site  # noqa: F401  (site is a fixture)

pytestmark = pytest.mark.skipif(bool(reason_not_to_run()), reason=str(reason_not_to_run()))


class Page:
    """An open x-ray: what a browser keeps of it."""

    def __init__(self, socket) -> None:
        self.socket = socket
        self.now: Observation | None = None

    async def until(self, wanted):
        """Apply messages, and acknowledge them, until an observation has what is wanted."""
        async with asyncio.timeout(20):
            while not (self.now and (found := wanted(self.now.collections))):
                message = json.loads(await self.socket.recv())
                if message["type"] == "snapshot":
                    self.now = Observation.from_dict(message["observation"])
                elif message["type"] == "change":
                    self.now = self.now.after(message)
                if message["type"] in ("snapshot", "change"):
                    await self.socket.send(json.dumps({"type": "ack", "machine": "box", "version": self.now.version}))
            return found


async def test_what_is_typed_is_seen(site):  # noqa: F811
    """A command in the terminal, and the x-ray shows its namespace, its file and its process."""
    async with Visitor(site) as lena:
        await lena.open()
        await hear(await lena.control(), "running")
        page = Page(await lena.socket(f"/ws/labs/{lena.code}/xray/"))
        await page.until(lambda seen: seen["processes"])
        terminal = await lena.terminal()
        await terminal.send(b"unshare --uts sh -c 'hostname otter; echo hi > /root/seen; exec sleep 300'\n")

        await page.until(lambda seen: "otter" in {space["hostname"] for space in seen["namespaces"].values()})
        assert "added" == (await page.until(lambda seen: seen["changes"].get("/root/seen")))["change"]
        sleeper = await page.until(lambda seen: next((p for p in seen["processes"].values() if p["comm"] == "sleep"), None))
        assert sleeper["args"] == ["sleep", "300"]

        snapshot = (await lena.http.get(f"/api/v1/labs/{lena.code}/xray")).json()["machines"]["box"]
        assert snapshot["processes"].keys() == page.now.collections["processes"].keys()


async def test_nobody_else_sees_it(site):  # noqa: F811
    """A stranger is closed with 4404 and gets a 404; a page of another site may not even connect."""
    async with Visitor(site) as lena, Visitor(site) as otto:
        await lena.open()
        await hear(await lena.control(), "running")
        path = f"/ws/labs/{lena.code}/xray/"

        strange = await otto.socket(path)
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await strange.recv()
        assert 4404 == closed.value.rcvd.code
        assert 404 == (await otto.http.get(f"/api/v1/labs/{lena.code}/xray")).status_code
        with pytest.raises(websockets.InvalidStatus) as refused:
            await lena.socket(path, origin="http://evil.example")
        assert 403 == refused.value.response.status_code
