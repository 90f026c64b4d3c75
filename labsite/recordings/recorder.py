"""The recorder: writes a lab's terminals and x-ray into a journal, in the process that serves websockets.

It is a viewer like others: it attaches to the shims with sockets of its own, so the path of a keystroke is what
it was. Nothing is typed by it and typed input is not recorded; nothing is held back by it. Lines are gathered and
written twice a second by a thread, so that a slow disk delays nobody.

A page starts it and need not stay. If this process dies, the next page of the lab that connects starts it again
where the journal ends (`resume`); the kernel's lock on the journal keeps a second recorder out.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import DatabaseError

from labsite.labs.lessonbook import of_lab
from labsite.labs.models import Sandbox, Status
from labsite.recordings import journal
from labsite.recordings.budget import Budget
from labsite.recordings.models import Recording
from labsite.recordings.sight import Sight
from labsite.recordings.tape import Tape

log = logging.getLogger(__name__)

FLUSH = 0.5  # seconds
LOOK = 4  # flushes between two looks at the row
MOST_TERMINALS = 16


class Recorder:
    """Everything of one recording that is under way."""

    def __init__(self, row: Recording) -> None:
        self.row, self.code = row, row.code
        self.writer = journal.Writer(row.code)
        self.budget = Budget(settings.RECORDING_BYTES, settings.RECORDING_SECONDS, self.writer.size, row.started_at.timestamp())
        self.lines: list[bytes] = []
        self.tapes: dict[str, Tape] = {}
        self.sights: dict[str, Sight] = {}
        self.listeners: set[Callable[[], None]] = set()
        self.runtime_ids: dict[str, str] = {}
        self.user = "root"
        self.ended = ""
        self.places: dict[str, int] = {}
        self.task = asyncio.create_task(self.run())

    def note(self, code: str, where: str, *rest: Any) -> None:
        """An event for the journal, unless there is no more room."""
        text = journal.line([round(self.budget.at(), 3), code, where, *rest])
        if not self.ended and self.budget.take(len(text)):
            self.lines.append(text)

    def note_sight(self, machine: str, message: dict[str, Any]) -> bool:
        """An observation for the journal; False if observations have had their share."""
        text = journal.line([round(self.budget.at(), 3), "x", machine, message])
        if self.ended or not self.budget.take_xray(len(text)):
            return False
        self.lines.append(text)
        return True

    async def run(self) -> None:
        """Follow until the learner, the lab or a limit ends it."""
        try:
            self.places = await asyncio.to_thread(places, self.code)
            await self.look()
            turn = 0
            while not self.ended:
                await asyncio.sleep(FLUSH)
                await self.flush()
                self.ended = self.ended or self.budget.why_stop()
                turn += 1
                if not turn % LOOK and not self.ended:
                    await self.look()
            await self.finish()
        finally:
            self.let_go()

    async def flush(self) -> None:
        """Write what has been gathered, and tell who shows it."""
        lines, self.lines = self.lines, []
        if lines:
            try:
                await asyncio.to_thread(self.writer.write, lines)
            except OSError as error:  # the disk is full
                log.error("recording %s: %s", self.code[:8], error)
                self.ended = "full"
        for listener in list(self.listeners):
            listener()

    async def look(self) -> None:
        """Read the rows: is it still wanted, and which machines run?"""
        try:
            known = await self.rows()
        except DatabaseError:  # away: nothing is known, so nothing ends
            return
        if known is None:
            self.ended = self.ended or "user"
            return
        ended, self.user, terminals, self.runtime_ids = known
        self.ended = self.ended or ended  # it may have been stopped while the rows were read
        for machine in self.runtime_ids.keys() - self.sights.keys():
            self.sights[machine] = Sight(self.runtime_ids[machine], machine, self.budget, self.note_sight)
        for terminal in terminals:
            self.attach(terminal)

    def attach(self, terminal: str) -> None:
        """Record this terminal too, once its machine runs."""
        runtime_id = self.runtime_ids.get(terminal.partition("/")[0])
        if runtime_id and terminal not in self.tapes and len(self.tapes) < MOST_TERMINALS:
            self.tapes[terminal] = Tape(runtime_id, terminal, self.user, self.note, self.places.get(terminal))

    @database_sync_to_async
    def rows(self) -> tuple[str, str, list[str], dict[str, str]] | None:
        """Why it ended, who the learner is inside, the terminals wanted, the machines that run; None: it is gone."""
        row = Recording.objects.select_related("lab").filter(pk=self.row.pk).first()
        if row is None:
            return None
        Recording.objects.filter(pk=row.pk).update(seconds=round(self.budget.at(), 1), size=self.budget.used)
        lab = row.lab
        ended = row.end_reason or ("" if lab and lab.ended_at is None else Recording.End.LAB)
        running = Sandbox.objects.select_related("lab").filter(lab=lab, status=Status.RUNNING)
        lesson = of_lab(lab) if lab else None
        return str(ended), lesson.user if lesson else "root", row.terminals, {each.name: each.runtime_id for each in running}

    async def finish(self) -> None:
        """Write the last lines and the row."""
        await self.flush()
        await database_sync_to_async(self.close_row)()
        for listener in list(self.listeners):
            listener()

    def close_row(self) -> None:
        """The row says how long it is, how large, and why it ended."""
        Recording.objects.filter(pk=self.row.pk).update(seconds=round(self.budget.at(), 1), size=self.budget.used)
        self.row.end(self.ended)

    def let_go(self) -> None:
        """Detach from everything and release the lock."""
        for tape in self.tapes.values():
            tape.stop()
        for sight in self.sights.values():
            sight.stop()
        self.writer.close()
        RECORDERS.pop(self.code, None)


def places(code: str) -> dict[str, int]:
    """How far the journal has each terminal: where to go on after a restart."""
    return {event[2]: event[4] for event in journal.events(code) if event[1] == "o"}


RECORDERS: dict[str, Recorder] = {}


def resume(row: Recording) -> Recorder | None:
    """The recorder of this recording: the one that runs, or a new one; None if another process has it."""
    if row.code not in RECORDERS:
        try:
            RECORDERS[row.code] = Recorder(row)
        except journal.BusyError:
            return None
    return RECORDERS[row.code]
