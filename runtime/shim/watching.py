"""The x-ray of one sandbox for whoever passes it on: blocking for a terminal, asyncio for a site.

Both give the messages as they come: one `snapshot`, then `change` after `change`, each of which
begins at the version before it. See docs/xray.md.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from runtime.errors import SpawnerUnavailable
from runtime.shim import frames
from runtime.shim.client import ShimClient, checked
from runtime.xray.compare import Observation

LARGEST = 8 << 20
REQUEST = {"v": 1, "verb": "watch"}


def look(client: ShimClient) -> Observation:
    """One observation."""
    return Observation.from_dict(client.ask("watch", once=True)["observation"])


def watch(client: ShimClient) -> Iterator[dict[str, Any]]:
    """Messages, until the sandbox ends."""
    with client.connect() as connection:
        connection.settimeout(None)
        connection.sendall(frames.pack_json(frames.REQUEST, REQUEST))
        for _, payload in frames.receive(connection, frames.Parser(LARGEST)):
            yield checked(frames.unpack_json(payload))


async def stream(path: Path | str) -> AsyncIterator[dict[str, Any]]:
    """The same without blocking; SpawnerUnavailable if no shim answers."""
    try:
        reader, writer = await asyncio.open_unix_connection(str(path))
    except OSError as error:
        raise SpawnerUnavailable(f"no shim answers at {path}: {error}") from error
    try:
        writer.write(frames.pack_json(frames.REQUEST, REQUEST))
        parser = frames.Parser(LARGEST)
        while data := await reader.read(256 * 1024):
            for _, payload in parser.feed(data):
                yield checked(frames.unpack_json(payload))
    except (OSError, frames.FrameError) as error:
        raise SpawnerUnavailable(f"the shim at {path} hung up: {error}") from error
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
