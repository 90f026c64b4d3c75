"""A terminal in the browser: `vitrine.terminal.v1` (DESIGN, section 6).

Every keystroke passes here, so two habits of Channels are set aside. Its dispatch closes old
database connections in a shared thread before each message: a neighbour's slow query would
delay typing by tens of milliseconds. And a queue with a task per frame would double the work,
although Daphne's send never waits: the coroutine can be run to its end on the spot.

Nothing piles up: the shim sends one window at most beyond what the page has acknowledged.
"""

import asyncio
import json
import logging
import time
from typing import Any
from urllib.parse import parse_qs

from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from django.core.cache import cache

from labsite.labs import access, gateway, notify
from labsite.labs.consumers import ENDED, NOT_FOUND, parse
from labsite.labs.models import Sandbox, Status
from labsite.labs.presence import LOOK_AGAIN, SocketConsumer, fresh_user

log = logging.getLogger(__name__)

NOT_RUNNING, GONE = 4409, 4502
LARGEST_INPUT = 64 * 1024
TOUCH_EVERY = 20.0


class TerminalConsumer(SocketConsumer):
    """One browser at one pty."""

    stream = watch = None
    joined = False
    touched = 0.0

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Channels' dispatch without the thread hop, for what arrives by keystroke."""
        if message["type"] == "websocket.receive":
            await self.websocket_receive(message)
        else:
            await super().dispatch(message)

    async def connect(self) -> None:
        """Ask the one door, then attach to the shim."""
        route = self.scope["url_route"]["kwargs"]
        self.code, self.name, n = route["code"], route["sandbox"], route["n"]
        await self.accept()
        sandbox = await self.find_sandbox()
        if sandbox is None or not 1 <= n <= 8:
            await self.refuse(NOT_FOUND, "not-found", "there is no such terminal")
        elif sandbox.status != Status.RUNNING:
            await self.refuse(NOT_RUNNING, "not-running", f"the machine is {sandbox.status}")
        else:
            await self.attach(sandbox.runtime_id, hello(n, self.scope["query_string"]))

    async def attach(self, runtime_id: str, greeting: dict[str, Any]) -> None:
        """Open the stream; listen for the end of the lab."""
        await self.channel_layer.group_add(notify.group(self.code), self.channel_name)
        self.joined = True
        try:
            self.stream = await gateway.open_terminal(runtime_id, greeting, self.output, self.control, self.closed)
        except OSError as error:
            log.warning("terminal of %s: %s", runtime_id, error)
            await self.refuse(GONE, "unavailable", "the machine does not answer")
            return
        self.watch = asyncio.create_task(self.keep_watch())

    def output(self, data: bytes) -> None:
        """Bytes from the pty to the browser."""
        self.emit({"type": "websocket.send", "bytes": data})

    def control(self, message: dict[str, Any]) -> None:
        """hello, exit, viewers and the rest, as the shim says them."""
        self.emit({"type": "websocket.send", "text": json.dumps(message)})

    def emit(self, event: dict[str, Any]) -> None:
        """Run Daphne's send to its end: it never suspends."""
        try:
            self.base_send(event).send(None)
        except StopIteration:
            return
        except Exception as error:
            log.debug("terminal of %s: %s", self.code[:8], error)
        self.detach()

    def closed(self) -> None:
        """The shim hung up."""
        if self.stream is not None:
            self.stream = None
            self.closing = asyncio.ensure_future(self.report_gone())

    async def report_gone(self) -> None:
        """Close; and let the reconciler see at once whether the machine is lost."""
        from labsite.labs.tasks import reconcile

        await self.close(GONE)
        if await sync_to_async(cache.add)("reconcile-soon", 1, timeout=2):
            await sync_to_async(reconcile.apply_async)(countdown=1)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Input, in order; or a resize or an acknowledgement."""
        if self.stream is None:
            return
        if bytes_data is not None:
            if len(bytes_data) > LARGEST_INPUT:
                await self.refuse(1009, "too-large", "paste in smaller pieces")
                return
            self.stream.input(bytes_data)
            self.note_activity()
        else:
            self.obey(parse(text_data))

    def obey(self, message: dict[str, Any]) -> None:
        """Carry out a control message; what is not understood is ignored."""
        try:
            if message.get("type") == "ack":
                self.stream.ack(within(message["offset"], 0, 2**63))
            elif message.get("type") == "resize":
                self.stream.resize(within(message["cols"], 2, 1000), within(message["rows"], 1, 1000))
        except (KeyError, TypeError, ValueError) as error:
            log.debug("terminal of %s: message refused: %s", self.code[:8], error)

    def note_activity(self) -> None:
        """Typing keeps a lab alive; the row hears of it now and then, off this path."""
        now = time.monotonic()
        if now - self.touched > TOUCH_EVERY:
            self.touched = now
            self.touching = asyncio.ensure_future(self.touch())

    async def keep_watch(self) -> None:
        """Close soon after she signed out, was disabled, or her lab ended unheard."""
        while True:
            await asyncio.sleep(LOOK_AGAIN)
            if await self.find_sandbox() is None:
                await self.close(ENDED)
                return

    async def lab_message(self, event: dict[str, Any]) -> None:
        """The lab ended: so does this."""
        if event["message"]["type"] == "ended":
            await self.refuse(ENDED, "ended", event["message"]["reason"])

    async def refuse(self, close_code: int, code: str, message: str) -> None:
        """Say why, then close."""
        await self.send(text_data=json.dumps({"type": "error", "code": code, "message": message}))
        await self.close(close_code)

    async def disconnect(self, code: int) -> None:
        """Detach; the terminal itself goes on."""
        self.detach()
        if self.watch:
            self.watch.cancel()
        if self.joined:
            await self.channel_layer.group_discard(notify.group(self.code), self.channel_name)

    def detach(self) -> None:
        """Let go of the stream."""
        stream, self.stream = self.stream, None
        if stream is not None:
            stream.close()

    @database_sync_to_async
    def find_sandbox(self) -> Sandbox | None:
        """The machine, if this user may use it now."""
        user = fresh_user(self.scope)
        return access.sandbox_for(user, self.code, self.name) if user else None

    @database_sync_to_async
    def touch(self) -> None:
        """Someone is at the keyboard."""
        lab = access.live_lab_for(self.scope["user"], self.code)
        if lab:
            lab.touch()


def hello(n: int, query: bytes) -> dict[str, Any]:
    """The first frame for the shim, from the address of the socket."""
    asked = {key: values[-1] for key, values in parse_qs(query.decode("latin-1")).items()}
    since = asked.get("since", "")
    return {
        "n": n,
        "since": int(since) if since.isdecimal() and len(since) < 19 else None,
        "cols": size(asked.get("cols"), 80),
        "rows": size(asked.get("rows"), 24),
        "write": True,
        "flow": True,
    }


def size(text: str | None, default: int) -> int:
    """A number of columns or rows that can be believed."""
    return int(text) if text and text.isdecimal() and 2 <= int(text[:4]) <= 1000 and len(text) < 5 else default


def within(value: Any, least: int, most: int) -> int:
    """A whole number between two others; ValueError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{value!r} is not between {least} and {most}")
    return value
