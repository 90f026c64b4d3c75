"""The pool: sandboxes made before anyone asks, up to the shell at its prompt.

A parked sandbox has gone through the very plan of a cold one; only what is particular to a
request (its id, its laboratory's cable, its annotations) is left, and is done at the take. All
else (image, profile, limits, host name, neighbours) belongs to the lesson, so the pool keeps
sandboxes by *recipe*: a request without its particulars. What was asked for lately is what will
be asked for next.

Refilling takes a processor away from whoever waits. So it happens one sandbox at a time, and only
when no creation is under way and nobody has asked for a moment. A failure delays the next try.

See docs/adr for why a recipe, and what a parked sandbox costs.
"""

from __future__ import annotations

import itertools
import os
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from runtime.errors import RefusedError, VitrineError
from runtime.loop import Loop, Timer
from runtime.paths import POOLED
from runtime.spawner.birth import recipe
from runtime.spawner.ledger import Entry

DEFAULT_SIZE = 8
LARGEST_SIZE = 512
QUIET = 0.05  # seconds without a request before one more is made
RETRY, LONGEST_RETRY = 0.5, 60.0
Request = dict[str, Any]


def size(environment: Any) -> int:
    """How many sandboxes to keep ready, from VITRINE_POOL; 0 is none."""
    text = environment.get("VITRINE_POOL", str(DEFAULT_SIZE))
    if not text.isdecimal() or int(text) > LARGEST_SIZE:
        raise RefusedError("setting", None, f"VITRINE_POOL: {text!r} is not a number in 0..{LARGEST_SIZE}")
    return int(text)


class Pool:
    """Which parked sandboxes there are, which there should be, and when to make the next.

    `make` forks one for a request and `drop` removes one; both are the spawner's. `idle` says
    that no creation is under way.
    """

    def __init__(
        self, most: int, loop: Loop, make: Callable[[Request], Entry], drop: Callable[[Entry], None], idle: Callable[[], bool]
    ) -> None:  # fmt: skip
        self.most, self.loop = most, loop
        self.make, self.drop, self.idle = make, drop, idle
        self.parked: list[Entry] = []
        self.asked: deque[Request] = deque(maxlen=max(1, most))
        self.timer: Timer | None = None
        self.heard = 0.0
        self.failures = 0

    def take(self, request: Request) -> Entry | None:
        """The oldest ready sandbox of this recipe, which is then no longer ours; and remember the wish."""
        self.asked.appendleft(request)
        self.heard = time.monotonic()
        self.later(QUIET)
        wanted = recipe(request)
        found = next((entry for entry in self.parked if entry.ready and entry.recipe == wanted), None)
        if found is not None:
            self.parked.remove(found)
        return found

    def ready(self, entry: Entry) -> None:
        """One more waits."""
        entry.ready = True
        self.failures = 0
        self.later(0)

    def lost(self, entry: Entry) -> None:
        """A parked one ended, made or half made; try again, but not at once."""
        if entry in self.parked:
            self.parked.remove(entry)
            self.failed()

    def failed(self) -> None:
        """Be slower with the next."""
        self.failures += 1
        self.later(min(LONGEST_RETRY, RETRY * 2**self.failures))

    def forget(self) -> None:
        """Let all of them go, and what was asked for: it is no longer what would be made."""
        self.asked.clear()
        parked, self.parked = self.parked, []
        for entry in parked:
            self.drop(entry)

    def later(self, seconds: float) -> None:
        """Look whether to make one after some seconds; the latest word counts."""
        if self.timer is not None:
            self.timer.cancel()
        self.timer = self.loop.call_later(seconds, self.refill) if self.most else None

    def refill(self) -> None:
        """Make one sandbox, if one is missing and nobody waits."""
        making = any(not entry.ready for entry in self.parked)
        missing = None if making or not self.most else self.missing()
        if missing is None:
            return
        if not self.idle() or time.monotonic() - self.heard < QUIET:
            self.later(QUIET)
            return
        try:
            entry = self.make(missing)
        except (VitrineError, OSError):
            self.failed()
            return
        entry.recipe = recipe(missing)
        self.parked.append(entry)

    def missing(self) -> Request | None:
        """A request of which there are too few parked; one of another recipe makes room."""
        wanted = {recipe(request): request for request in self.asked}
        shares = Counter(itertools.islice(itertools.cycle(recipe(request) for request in self.asked), self.most))
        have = Counter(entry.recipe for entry in self.parked)
        short = next((name for name in wanted if have[name] < shares[name]), None)
        if short is None:
            return None
        if len(self.parked) >= self.most:
            self.make_room(have, shares)
        return wanted[short]

    def make_room(self, have: Counter[str], shares: Counter[str]) -> None:
        """Let the oldest go of a recipe that has more than its share."""
        spare = next(entry for entry in self.parked if have[entry.recipe] > shares[entry.recipe])
        self.parked.remove(spare)
        self.drop(spare)


def fresh_name() -> str:
    """A name that no request can have, and no other sandbox has."""
    return POOLED + os.urandom(8).hex()
