"""A websocket between a browser and a sandbox: bytes both ways, until one side ends or the lab does."""

import asyncio

from labsite.previews import gate
from labsite.previews.gate import Place
from labsite.previews.limits import CHUNK, LOOK_SECONDS
from labsite.previews.peer import Peer


async def tunnel(browser: Peer, server: Peer, place: Place) -> None:
    """Pass bytes on; each side is read only as fast as the other takes them."""
    server_said, browser_said = server.rest(), browser.rest()
    await browser.write(server_said)
    await server.write(browser_said)
    ways = [
        asyncio.create_task(pour(browser, server)),
        asyncio.create_task(pour(server, browser)),
        asyncio.create_task(watch(place)),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in ways:
            each.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def pour(source: Peer, target: Peer) -> None:
    """One direction."""
    while data := await source.reader.read(CHUNK):
        await target.write(data)


async def watch(place: Place) -> None:
    """End when the preview no longer stands."""
    while await gate.find(place.token) is not None:
        await asyncio.sleep(LOOK_SECONDS)
