"""The x-ray's websocket: `vitrine` shows a lab's owner her machines from outside. See docs/xray.md.

`access` decides who; `feeds` has the observations. Nothing of another lab can come here: a feed
is opened only for a machine of the lab that this user owns, and a shim tells of one sandbox.
"""

import asyncio
import time
from contextlib import suppress
from typing import Any

from channels.db import database_sync_to_async
from django.db import DatabaseError

from labsite.labs import access, notify
from labsite.labs.consumers import parse
from labsite.labs.models import LabSession, Status
from labsite.labs.presence import ENDED, LOOK_AGAIN, NOT_FOUND, SocketConsumer, fresh_user
from labsite.xray.feeds import FEEDS, Event, Feed
from labsite.xray.viewing import Viewing, dumps

FORMAT = 1
REFRESH = 1.0  # seconds between two snapshots that a page may ask for
MOST_VIEWERS = 64  # of one machine: an owner's pages


class Machine:
    """A machine of the lab, its feed, and this viewer's place in it."""

    def __init__(self, name: str, feed: Feed, listener: Any) -> None:
        self.feed = feed
        self.listener = listener
        self.viewing = Viewing(name)
        self.refreshed = 0.0
        self.sending = asyncio.Lock()


class XrayConsumer(SocketConsumer):
    """One page with an open x-ray."""

    async def connect(self) -> None:
        """Join the lab's group, then attach to every machine that runs."""
        self.code = self.scope["url_route"]["kwargs"]["code"]
        self.machines: dict[str, Machine] = {}
        self.joined, self.watch = False, None
        self.told: list[dict[str, Any]] | None = None
        await self.accept()
        if await self.rows() is None:
            await self.close(await self.why_not())
            return
        await self.channel_layer.group_add(notify.group(self.code), self.channel_name)
        self.joined = True
        await self.refresh_machines()
        self.watch = asyncio.create_task(self.keep_watch())

    async def disconnect(self, code: int) -> None:
        """Leave every feed: the last to leave ends the collecting."""
        if self.watch:
            self.watch.cancel()
        for name in list(self.machines):
            self.detach(name)
        if self.joined:
            await self.channel_layer.group_discard(notify.group(self.code), self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """An acknowledgement, or the wish for a snapshot; anything else is ignored."""
        message = parse(text_data)
        machine = self.machines.get(str(message.get("machine")))
        if machine is None:
            return
        if message.get("type") == "ack" and isinstance(message.get("version"), int):
            machine.viewing.ack(message["version"])
        elif message.get("type") == "refresh" and time.monotonic() - machine.refreshed > REFRESH:
            machine.refreshed = time.monotonic()
            machine.viewing.forget()
        await self.pump(machine)

    async def pump(self, machine: Machine) -> None:
        """Send what is next for this machine; one at a time, since each begins where the last ended."""
        async with machine.sending:
            while text := machine.viewing.next(machine.feed.latest):
                await self.send(text_data=text)

    async def lab_message(self, event: dict[str, Any]) -> None:
        """A machine came, went or changed; or the lab ended."""
        if event["message"]["type"] == "ended":
            await self.close(ENDED)
        elif event["message"]["type"] == "sandbox":
            await self.refresh_machines()

    async def refresh_machines(self) -> None:
        """Say which machines there are; attach to those that run, let go of the others."""
        rows = await self.rows() or []
        listing = [{key: row[key] for key in ("name", "backend", "status")} for row in rows]
        if listing != self.told:
            self.told = listing
            await self.send(text_data=dumps({"type": "hello", "format": FORMAT, "machines": listing}))
        running = {row["name"]: row["runtime_id"] for row in rows if row["status"] == Status.RUNNING}
        for name in self.machines.keys() - running.keys():
            self.detach(name)
            await self.send(text_data=dumps({"type": "bye", "machine": name, "reason": "stopped"}))
        for name in running.keys() - self.machines.keys():
            await self.attach(name, running[name])

    async def attach(self, name: str, runtime_id: str) -> None:
        """Follow a machine's feed."""
        waiting: list[asyncio.Task[None]] = []

        def listener(event: Event | None) -> None:
            waiting[:] = [task for task in waiting if not task.done()]
            waiting.append(asyncio.create_task(self.heard(name, event)))

        machine = Machine(name, FEEDS.join(runtime_id, listener), listener)
        self.machines[name] = machine
        if len(machine.feed.listeners) > MOST_VIEWERS:
            self.detach(name)
            await self.send_event(name, {"type": "error", "code": "viewers", "message": "too many pages look at this machine"})
            return
        await self.pump(machine)

    def detach(self, name: str) -> None:
        """Let go of a machine's feed."""
        machine = self.machines.pop(name)
        FEEDS.leave(machine.feed, machine.listener)

    async def heard(self, name: str, event: Event | None) -> None:
        """Something of a machine's feed."""
        if (machine := self.machines.get(name)) is None:
            return
        if event is None:
            await self.pump(machine)
        else:
            await self.send_event(name, event)

    async def send_event(self, name: str, event: Event) -> None:
        """What happened to a machine."""
        await self.send(text_data=dumps({**event, "machine": name}))

    async def keep_watch(self) -> None:
        """Close soon after she signed out or was disabled, or her lab ended unheard."""
        while True:
            await asyncio.sleep(LOOK_AGAIN)
            with suppress(DatabaseError):  # away: nothing is known, so nothing is closed
                if await self.rows() is None:
                    await self.close(await self.why_not())
                    return
                await self.refresh_machines()

    @database_sync_to_async
    def rows(self) -> list[dict[str, str]] | None:
        """The machines of the lab, if this user may still see it."""
        lab = self.lab()
        if lab is None:
            return None
        found = lab.sandboxes.select_related("lab")
        return [{"name": s.name, "backend": s.backend, "status": s.status, "runtime_id": s.runtime_id} for s in found]

    @database_sync_to_async
    def why_not(self) -> int:
        """An ended lab is told apart only to its owner."""
        user = fresh_user(self.scope)
        return ENDED if user and access.lab_for(user, self.code) else NOT_FOUND

    def lab(self) -> LabSession | None:
        """The live lab, by the one door."""
        user = fresh_user(self.scope)
        return access.live_lab_for(user, self.code) if user else None
