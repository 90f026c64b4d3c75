"""A terminal in the browser: `vitrine.terminal.v1` (DESIGN, section 6).

Every keystroke passes here, so two habits of Channels are set aside. Its dispatch closes old
database connections in a shared thread before each message: a neighbour's slow query would
delay typing by tens of milliseconds. And a queue with a task per frame would double the work,
although Daphne's send never waits: the coroutine can be run to its end on the spot.

Nothing piles up: the shim sends one window at most beyond what the page has acknowledged, and for a page that
acknowledges what it does not read we stop reading from the shim (`labsite.wire`).
"""

import asyncio
import json
import logging
import time
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from django.core.cache import cache
from django.db import DatabaseError
from kombu.exceptions import OperationalError as QueueError
from redis.exceptions import RedisError

from labsite.labs import access, gateway, notify
from labsite.labs.consumers import LARGEST_MESSAGE
from labsite.labs.lessonbook import of_lab
from labsite.labs.models import LabSession, Sandbox, Status
from labsite.labs.presence import ENDED, LOOK_AGAIN, NOT_FOUND, SocketConsumer, fresh_user

log = logging.getLogger(__name__)

NONSENSE, NOT_RUNNING, TOO_LARGE, TOO_MANY, GONE = 4400, 4409, 4413, 4429, 4502
MOST_NONSENSE = 100
COMING = (Status.QUEUED, Status.REQUESTED, Status.STARTING)
LOOK_FOR_MACHINE = 2.0  # seconds; messages may be lost
LARGEST_INPUT = 64 * 1024
TOUCH_EVERY = 20.0
MESSAGES_PER_SECOND, MESSAGES_AT_ONCE = 5_000, 20_000  # a page in a flood sends some 2,000 acknowledgements


class TerminalConsumer(SocketConsumer):
    """One browser at one pty."""

    stream = watch = None
    attached = over = False
    nonsense = 0
    touched = heard = 0.0
    allowance = float(MESSAGES_AT_ONCE)

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Channels' dispatch without the thread hop, for what arrives by keystroke."""
        if message["type"] == "websocket.receive":
            await self.websocket_receive(message)
        else:
            await super().dispatch(message)

    async def connect(self) -> None:
        """Listen to the lab first, then ask the one door: what changes in between is not missed."""
        route = self.scope["url_route"]["kwargs"]
        self.code, self.name, self.n = route["code"], route["sandbox"], route["n"]
        await self.accept()
        await self.channel_layer.group_add(notify.group(self.code), self.channel_name)
        await self.look()
        if not self.over:
            self.watch = asyncio.create_task(self.keep_watch())

    async def look(self) -> None:
        """Read the row: attach to a machine that runs, wait for one that will."""
        sandbox = await self.find_sandbox()
        if sandbox is None or not 1 <= self.n <= 8:
            await self.refuse(*(await self.why_not()))
        elif sandbox.status == Status.RUNNING:
            await self.attach(sandbox.runtime_id)
        elif sandbox.status not in COMING:
            await self.refuse(NOT_RUNNING, "not-running", f"the machine is {sandbox.status}")

    async def attach(self, runtime_id: str) -> None:
        """Open the stream, once."""
        if self.attached or self.over:
            return
        self.attached = True
        greeting = hello(self.n, self.scope["query_string"]) | {"user": await self.user_of_shell()}
        try:
            self.stream = await gateway.open_terminal(runtime_id, greeting, self.output, self.control, self.closed)
        except OSError as error:
            log.warning("terminal of %s: %s", runtime_id, error)
            await self.refuse(GONE, "unavailable", "the machine does not answer")
            return
        if self.over:  # the browser left meanwhile
            self.detach()
        elif wire := self.scope.get("wire"):
            wire.limit(self.stream.pause, self.stream.resume)

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
        """Say whether the lab ended or the machine was lost; have the reconciler look at once."""
        from labsite.labs.tasks import reconcile

        if await self.find_sandbox() is None:
            await self.refuse(*(await self.why_not()))
            return
        await self.refuse(GONE, "gone", "the machine has gone")
        with suppress(RedisError, QueueError):  # then it looks within 15 s
            if await sync_to_async(cache.add)("reconcile-soon", 1, timeout=2):
                await sync_to_async(reconcile.apply_async)(countdown=1)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Input, in order; or a resize or an acknowledgement."""
        if self.stream is None:
            return
        if not self.within_allowance():
            await self.refuse(TOO_MANY, "too-many", f"more than {MESSAGES_PER_SECOND} messages a second")
        elif bytes_data is None:
            await self.obey(text_data or "")
        elif len(bytes_data) > LARGEST_INPUT:
            await self.refuse(TOO_LARGE, "too-large", f"{len(bytes_data)} bytes at once; paste in pieces of {LARGEST_INPUT}")
        else:
            self.stream.input(bytes_data)
            self.note_activity()

    async def obey(self, text: str) -> None:
        """Carry out a control message; one that cannot be understood is answered, and changes nothing."""
        try:
            act(self.stream, text)
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            self.nonsense += 1
            if self.nonsense > MOST_NONSENSE:
                await self.refuse(NONSENSE, "nonsense", f"more than {MOST_NONSENSE} messages made no sense")
                return
            message = f"{text[:80]}: {type(error).__name__}: {error}"
            await self.send(text_data=json.dumps({"type": "error", "code": "message", "message": message}))

    def within_allowance(self) -> bool:
        """A bucket of messages: no page fills it, and a script that does must not slow its neighbours."""
        now = time.monotonic()
        self.allowance = min(MESSAGES_AT_ONCE, self.allowance + (now - self.heard) * MESSAGES_PER_SECOND) - 1
        self.heard = now
        return self.allowance >= 0

    def note_activity(self) -> None:
        """Typing keeps a lab alive; the row hears of it now and then, off this path."""
        now = time.monotonic()
        if now - self.touched > TOUCH_EVERY:
            self.touched = now
            self.touching = asyncio.ensure_future(self.touch())

    async def keep_watch(self) -> None:
        """Close soon after she signed out, was disabled, or her lab ended unheard; meet a machine unheard of."""
        while not self.over:
            await asyncio.sleep(LOOK_AGAIN if self.attached else LOOK_FOR_MACHINE)
            await self.channel_layer.group_add(notify.group(self.code), self.channel_name)  # Redis may have forgotten
            with suppress(DatabaseError):  # away: nothing is known, so nothing is closed
                if not self.attached:
                    await self.look()
                elif await self.find_sandbox() is None:
                    await self.refuse(*(await self.why_not()))

    async def lab_message(self, event: dict[str, Any]) -> None:
        """The lab ended: so does this. The machine runs, or never will: attach, or say so."""
        message = event["message"]
        if message["type"] == "ended":
            await self.refuse(ENDED, "ended", message["reason"])
        elif message["type"] == "sandbox" and message["name"] == self.name and not self.attached:
            await self.look()

    async def refuse(self, close_code: int, code: str, message: str) -> None:
        """Say why, then close; once."""
        if self.over:
            return
        self.over = True
        await self.send(text_data=json.dumps({"type": "error", "code": code, "message": message}))
        await self.close(close_code)

    async def disconnect(self, code: int) -> None:
        """Detach; the terminal itself goes on."""
        self.over = True
        self.detach()
        if self.watch:
            self.watch.cancel()
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
    def user_of_shell(self) -> str:
        """Who the lesson says the learner is in there."""
        lab = LabSession.objects.filter(code=self.code).first()
        lesson = of_lab(lab) if lab else None
        return lesson.user if lesson else "root"

    @database_sync_to_async
    def why_not(self) -> tuple[int, str, str]:
        """An ended lab is told apart only to its owner: close code, code and words."""
        user = fresh_user(self.scope)
        lab = access.lab_for(user, self.code) if user else None
        if lab and lab.ended_at:
            return ENDED, "ended", lab.end_reason
        return NOT_FOUND, "not-found", "there is no such terminal"

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


def act(stream: Any, text: str) -> None:
    """One control message of the page; KeyError, TypeError or ValueError if it is not one."""
    if len(text) > LARGEST_MESSAGE:
        raise ValueError(f"longer than {LARGEST_MESSAGE}")
    message = json.loads(text)
    kind = message["type"]
    if kind == "ack":
        stream.ack(within(message["offset"], 0, 2**63))
    elif kind == "resize":
        stream.resize(within(message["cols"], 2, 1000), within(message["rows"], 1, 500))
    else:
        raise ValueError(f"type {kind!r} is not known")


def within(value: Any, least: int, most: int) -> int:
    """A whole number between two others; ValueError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{value!r} is not between {least} and {most}")
    return value
