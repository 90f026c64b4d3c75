"""The asyncio end of a terminal, as the web consumer uses it."""

from __future__ import annotations

import asyncio

import pytest

from runtime.shim.stream import open_terminal
from tests.runtime.node import needs_node

pytestmark = needs_node
HELLO = {"n": 1, "since": None, "cols": 80, "rows": 24, "write": True, "flow": True}


class Page:
    """Remembers what a page would have been told; acks what it was given."""

    def __init__(self):
        self.seen, self.controls, self.closed = b"", [], asyncio.Event()
        self.stream, self.largest = None, 0

    async def open(self, box, **hello):
        self.stream = await open_terminal(
            box.path, {**HELLO, **hello}, self.bytes, self.controls.append, self.closed.set
        )
        return self

    def bytes(self, data):
        self.seen += data
        if self.stream is not None:
            self.stream.ack(len(self.seen))

    async def until(self, wanted):
        async with asyncio.timeout(20):
            while wanted not in self.seen[-4096:]:
                await asyncio.sleep(0.005)


async def test_a_stream_carries_keys_and_output(box):
    """Input goes in, output comes back, hello is first."""
    page = await Page().open(box)
    page.stream.input(b"stty size; echo do''ne\n")
    await page.until(b"done\r\n")
    page.stream.close()
    await asyncio.wait_for(page.closed.wait(), 5)

    assert "hello" == page.controls[0]["type"]
    assert b"24 80" in page.seen


async def test_a_flood_arrives_whole(box):
    """Every byte of a large output arrives, in order, while it is acked."""
    page = await Page().open(box)
    page.stream.input(b"stty -echo; echo; seq 1 300000; echo do''ne\n")
    await page.until(b"done\r\n")
    page.stream.close()

    numbers = [line for line in page.seen.split(b"\r\n") if line.isdigit()]
    assert [b"%d" % number for number in range(1, 300001)] == numbers


async def test_the_end_of_the_sandbox_closes_the_stream(node):
    """When a sandbox is deleted, whoever looks at a terminal of it learns."""
    with node.sandbox() as identifier:
        page = await Page().open(node.shim(identifier))
        await page.until(b"# ")
        await asyncio.to_thread(node.spawner.delete, identifier)
        await asyncio.wait_for(page.closed.wait(), 10)


async def test_no_shim_is_an_error(node):
    """Opening a terminal of a sandbox that is not there fails at once."""
    with pytest.raises(OSError):
        await open_terminal(node.paths.shim_socket("nothing"), HELLO, print, print, lambda: None)
