"""The control socket of a lab: what happens to it, in JSON, as it happens."""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from django.db import DatabaseError
from django.utils.translation import get_language_from_request
from kombu.exceptions import OperationalError as QueueError

from labsite.labs import notify, progress, serialize
from labsite.labs.lessonbook import of_lab
from labsite.labs.models import LabSession
from labsite.labs.presence import ENDED, LOOK_AGAIN, LabSocket

log = logging.getLogger(__name__)

LARGEST_MESSAGE = 16 * 1024
CHECKS_PER_SECOND = 5


class LabConsumer(LabSocket):
    """One open page of a lab."""

    async def connect(self) -> None:
        """Join the lab's group, then send the row: what changes in between is not missed."""
        self.code = self.scope["url_route"]["kwargs"]["code"]
        self.allowance, self.refilled = float(CHECKS_PER_SECOND), time.monotonic()
        self.joined, self.watch = False, None
        await self.accept()
        if await self.find_lab() is None:
            await self.close(await self.why_not())
            return
        await self.channel_layer.group_add(notify.group(self.code), self.channel_name)
        self.joined = True
        await self.send_lab()
        self.watch = asyncio.create_task(self.keep_watch())

    async def disconnect(self, code: int) -> None:
        """Leave the group."""
        if self.watch:
            self.watch.cancel()
        if self.joined:
            await self.channel_layer.group_discard(notify.group(self.code), self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Activity, or a check that is asked for; anything else is ignored."""
        message = parse(text_data)
        lab = await self.find_lab() if message else None
        if message and lab is None:
            await self.close(await self.why_not())
        elif message.get("type") == "activity" and lab:
            await database_sync_to_async(lab.touch)()
        elif message.get("type") == "check" and lab and self.may_check():
            await self.check(lab, str(message.get("step", ""))[:80], str(message.get("task", ""))[:80])
        elif message.get("type") == "step" and lab and self.may_check():
            await self.open_step(lab, str(message.get("step", ""))[:80])

    async def keep_watch(self) -> None:
        """Close soon after she signed out or was disabled, or her lab ended unheard."""
        while True:
            await asyncio.sleep(LOOK_AGAIN)
            await self.channel_layer.group_add(notify.group(self.code), self.channel_name)  # Redis may have forgotten
            with suppress(DatabaseError):  # away: nothing is known, so nothing is closed
                if await self.find_lab() is None:
                    await self.close(await self.why_not())
                    return

    async def check(self, lab: LabSession, step: str, task: str) -> None:
        """Send the check to a worker."""
        from labsite.labs.tasks import run_check

        language = language_of(self.scope)
        await self.queue(run_check.apply_async, (lab.code, step, task, language), expires=30)

    async def open_step(self, lab: LabSession, step: str) -> None:
        """A step was opened: the place is kept, its setup is for a worker."""
        from labsite.labs.tasks import prepare_step

        await database_sync_to_async(progress.step_opened)(lab, step)
        await self.queue(prepare_step.delay, lab.code, step)

    async def queue(self, send: Callable[..., Any], *args: Any, **options: Any) -> None:
        """Hand work to the workers; while Redis is away the page asks again by itself."""
        try:
            await sync_to_async(send)(*args, **options)
        except QueueError as error:
            log.warning("lab %s: no worker can be asked: %s", self.code[:8], error)

    async def lab_message(self, event: dict[str, Any]) -> None:
        """Pass on what `notify` said."""
        await self.send(text_data=json.dumps(event["message"]))
        if event["message"]["type"] == "ended":
            await self.close(ENDED)

    async def send_lab(self) -> None:
        """The row as it is now."""
        await self.send(text_data=json.dumps({"type": "lab", "lab": await self.describe()}))

    @database_sync_to_async
    def describe(self) -> dict[str, Any]:
        """The lab as the API describes it."""
        lab = LabSession.objects.get(code=self.code)
        lesson = of_lab(lab)
        return serialize.lab(lab, lesson)

    def may_check(self) -> bool:
        """A bucket of five checks a second, so that a script of hers cannot flood the workers."""
        now = time.monotonic()
        refill = (now - self.refilled) * CHECKS_PER_SECOND
        self.allowance, self.refilled = min(CHECKS_PER_SECOND, self.allowance + refill), now
        if self.allowance < 1:
            return False
        self.allowance -= 1
        return True


def language_of(scope: dict[str, Any]) -> str:
    """The language of the page that opened this socket: its cookie, else what the browser asks for."""
    accepted = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
    request = SimpleNamespace(COOKIES=scope.get("cookies", {}), META={"HTTP_ACCEPT_LANGUAGE": accepted})
    return get_language_from_request(request)


def parse(text: str | None) -> dict[str, Any]:
    """A JSON object, or an empty one for anything else."""
    if text is None or len(text) > LARGEST_MESSAGE:
        return {}
    try:
        message = json.loads(text)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}
