"""Foreground scripts: read by the shell of the learner's own first terminal.

Scenarios of other platforms set variables, change directory and clear the screen there, which a
child process could not. The script is put into a file, and `. file` is typed once a prompt is
seen; the terminal is the same the learner opens afterwards, or has open.
"""

import asyncio
import logging
import re
from typing import Any

from labsite.labs import gateway
from labsite.labs.models import Sandbox

log = logging.getLogger(__name__)

PROMPT = re.compile(rb"[#$] (?:\x1b\[[0-9;?]*[A-Za-z])*$")
PATIENCE = 10.0
SIZE = {"cols": 80, "rows": 24}


def show(sandbox: Sandbox, name: str, script: str) -> bool:
    """Have the first terminal read a script; False if no prompt came, as in a running editor."""
    path = f"/run/lesson/foreground-{name}"
    gateway.put(sandbox, path, script.encode() + b"\n", 0o700)
    try:
        done = asyncio.run(_typed(sandbox.runtime_id, f" . {path}\r".encode()))
    except OSError as error:
        log.warning("sandbox %s: no terminal for a foreground script: %s", sandbox.runtime_id, error)
        return False
    if not done:
        log.warning("sandbox %s: no prompt for the foreground script of %s", sandbox.runtime_id, name)
    return done


async def _typed(runtime_id: str, line: bytes) -> bool:
    """Type a line at the next prompt of terminal 1."""
    seen, news = bytearray(), asyncio.Event()
    stream: Any = None

    def received(data: bytes) -> None:
        seen.extend(data)
        news.set()

    hello = {"n": 1, "since": 0, **SIZE, "write": True, "flow": False}
    stream = await gateway.open_terminal(runtime_id, hello, received, lambda message: None, news.set)
    try:
        async with asyncio.timeout(PATIENCE):
            while not PROMPT.search(bytes(seen[-200:])):
                news.clear()
                await news.wait()
        stream.input(line)
        await asyncio.sleep(0)  # the line leaves with the next turn of the loop
        return True
    except TimeoutError:
        return False
    finally:
        stream.close()
        await asyncio.sleep(0)
