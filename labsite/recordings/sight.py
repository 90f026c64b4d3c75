"""A machine's x-ray on record: one more listener at the feed that pages listen to.

Changes are put together to one a second at most, and to fewer when they are large: a busy machine must not fill
a recording with what its thousands of processes did.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from labsite.recordings.budget import Budget
from labsite.xray.feeds import FEEDS, Event
from labsite.xray.viewing import Viewing

EVERY = 1.0


class Sight:
    """One machine's observations, on their way into the journal."""

    def __init__(self, runtime_id: str, machine: str, budget: Budget, note: Callable[[str, dict[str, Any]], bool]) -> None:
        self.machine, self.budget, self.note = machine, budget, note
        self.viewing = Viewing(machine)
        self.feed = FEEDS.join(runtime_id, self.heard)
        self.fresh = asyncio.Event()
        self.fresh.set()  # it may have something already
        self.task = asyncio.create_task(self.follow())

    def heard(self, event: Event | None) -> None:
        """Something is new; what it is, is asked when it is time."""
        self.fresh.set()

    async def follow(self) -> None:
        """Write the newest, wait, write the newest again."""
        while True:
            await self.fresh.wait()
            self.fresh.clear()
            if self.budget.xray_may() and not self.write():
                break
            await asyncio.sleep(EVERY)
            if self.viewing.sent is not self.feed.latest:
                self.fresh.set()
        FEEDS.leave(self.feed, self.heard)

    def write(self) -> bool:
        """What leads from the last observation written to the newest; False: observations have had their share."""
        text = self.viewing.next(self.feed.latest)
        if text is None:
            return True
        message = json.loads(text)
        self.viewing.unacked.clear()
        del message["machine"]
        return self.note(self.machine, message)

    def stop(self) -> None:
        """Listen no more."""
        self.task.cancel()
        FEEDS.leave(self.feed, self.heard)
