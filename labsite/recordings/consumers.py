"""The socket by which a lab's page starts and stops a recording and shows that one is under way.

From the page: {"type": "start", "consent": true, "terminals": ["box/1"]}, {"type": "terminals", "terminals": […]},
{"type": "stop"}. To the page: {"type": "recording", "on", "code", "seconds", "bytes", "most_bytes", "reason"},
or {"type": "refused", "code"}. The recorder itself goes on when the page leaves.
"""

import asyncio
import json
from contextlib import suppress
from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import DatabaseError

from labsite.labs.consumers import parse
from labsite.labs.models import LabSession
from labsite.labs.presence import LOOK_AGAIN, LabSocket
from labsite.recordings import door, services
from labsite.recordings.models import Recording
from labsite.recordings.recorder import Recorder, resume


class RecordingConsumer(LabSocket):
    """One page of a lab that records, or may."""

    recorder: Recorder | None = None
    watch: asyncio.Task[None] | None = None
    reported = -1

    async def connect(self) -> None:
        """Whose lab is it? If something is being recorded, see that it is."""
        self.code = self.scope["url_route"]["kwargs"]["code"]
        await self.accept()
        if await self.find_lab() is None:
            await self.close(await self.why_not())
            return
        await self.follow(await self.open_row())
        self.watch = asyncio.create_task(self.keep_watch())

    async def keep_watch(self) -> None:
        """Close soon after she signed out or was disabled, or her lab ended unheard."""
        while True:
            await asyncio.sleep(LOOK_AGAIN)
            with suppress(DatabaseError):  # away: nothing is known, so nothing is closed
                if await self.find_lab() is None:
                    await self.close(await self.why_not())
                    return

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Start, stop, or one more terminal; anything else is ignored."""
        message = parse(text_data)
        act = {"start": self.start, "stop": self.stop, "terminals": self.add}.get(str(message.get("type")))
        if act is None:
            return
        if await self.find_lab() is None:
            await self.close(await self.why_not())
            return
        try:
            await act(message)
        except services.RecordingRefused as refusal:
            await self.send(text_data=json.dumps({"type": "refused", "code": refusal.code}))

    async def start(self, message: dict[str, Any]) -> None:
        """Only with her consent, said in this very message."""
        if message.get("consent") is not True:
            raise services.RecordingRefused("consent")
        await self.follow(await self.begin(message.get("terminals")))

    async def stop(self, message: dict[str, Any]) -> None:
        """She has had enough."""
        row = await self.open_row()
        if row is None:
            return
        await self.end(row)
        if self.recorder:
            self.recorder.ended = self.recorder.ended or Recording.End.USER

    async def add(self, message: dict[str, Any]) -> None:
        """A terminal was opened while recording."""
        row = await self.open_row()
        if row is not None:
            await self.extend(row, message.get("terminals"))
            if self.recorder:
                for terminal in row.terminals:
                    self.recorder.attach(terminal)

    async def follow(self, row: Recording | None) -> None:
        """Show how this recording goes on."""
        self.leave()
        if row is not None:
            self.recorder = resume(row)
            if self.recorder:
                self.recorder.listeners.add(self.told)
        await self.send(text_data=json.dumps(self.report(row)))

    def told(self) -> None:
        """The recorder wrote something, or ended; the page hears of it every other second, and of the end at once."""
        recorder = self.recorder
        if recorder is None or (not recorder.ended and int(recorder.budget.at()) // 2 == self.reported):
            return
        self.reported = int(recorder.budget.at()) // 2
        self.telling = asyncio.ensure_future(self.send(text_data=json.dumps(self.report(recorder.row))))

    def report(self, row: Recording | None) -> dict[str, Any]:
        """What the page shows."""
        recorder = self.recorder
        most = settings.RECORDING_BYTES
        if row is None:
            return {"type": "recording", "on": False, "code": None, "seconds": 0, "bytes": 0, "most_bytes": most, "reason": ""}
        seconds, used = (recorder.budget.at(), recorder.budget.used) if recorder else (row.seconds, row.size)
        reason = recorder.ended if recorder else row.end_reason
        return {"type": "recording", "on": not reason, "code": row.code, "seconds": round(seconds),
                "bytes": used, "most_bytes": most, "reason": reason}  # fmt: skip

    def leave(self) -> None:
        """Hear no more of it."""
        if self.recorder:
            self.recorder.listeners.discard(self.told)
        self.recorder = None

    async def disconnect(self, code: int) -> None:
        """The page left; the recorder goes on."""
        if self.watch:
            self.watch.cancel()
        self.leave()

    @database_sync_to_async
    def begin(self, terminals: Any) -> Recording:
        """Begin, or go on with what is open."""
        return services.begin(LabSession.objects.get(code=self.code), terminals)

    @database_sync_to_async
    def open_row(self) -> Recording | None:
        """What is being recorded just now."""
        return door.open_of(LabSession.objects.get(code=self.code))

    @database_sync_to_async
    def end(self, row: Recording) -> None:
        """The row says so."""
        row.end(Recording.End.USER)

    @database_sync_to_async
    def extend(self, row: Recording, terminals: Any) -> None:
        """One more terminal on record."""
        services.add(Recording.objects.select_related("lab").get(pk=row.pk), terminals)
        row.refresh_from_db()
