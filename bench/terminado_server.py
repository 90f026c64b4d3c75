"""terminado as its own documentation sets it up: one shell on one pty, on a loopback port.

Runs under the peers' interpreter: `python -m bench.terminado_server PORT COMMAND...`.
"""

from __future__ import annotations

import asyncio
import sys

import tornado.web
from terminado import TermSocket, UniqueTermManager


async def serve(port: int, command: list[str]) -> None:
    """Serve until killed."""
    manager = UniqueTermManager(shell_command=command)
    application = tornado.web.Application([(r"/websocket", TermSocket, {"term_manager": manager})])
    application.listen(port, "127.0.0.1")
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2:]))
