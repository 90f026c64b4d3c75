"""A plan is the ordered list of explained steps that a container is made from.

One list is the dry run, the log, the timing table of the laboratory page and the undo. A step
says what it does (`describe`), does it (`execute`) and can take it back (`undo`). When a step
fails, those before it are undone in reverse order: a container is made whole or not at all.

Setting VITRINE_FAIL_AFTER to the name of a step kills the creating process (SIGKILL) just
after that step: the fault tests use it to show that `cleanup` needs nothing but the id.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from runtime.errors import StepError, VitrineError
from runtime.events import Event, Monitor


@dataclass(frozen=True)
class StepTiming:
    """When a step ran and for how long. `stage` is host or inside; `source` is where it is written.

    A step done `ahead`, before anyone asked for the sandbox, has a negative start_us.
    """

    name: str
    description: str
    manual: str
    stage: str
    start_us: int
    duration_us: int
    source: str
    ahead: bool = False

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def before(self, microseconds: int) -> StepTiming:
        """The same step, told from a later moment: it was done ahead."""
        return replace(self, start_us=self.start_us - microseconds, ahead=True)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> StepTiming:
        return cls(**data)


def _nothing() -> None:
    """The undo of a step that dies with the process that made it."""


@dataclass(frozen=True)
class Step:
    """One explained act. `manual` is the page to read about it."""

    name: str
    description: str
    manual: str
    action: Callable[[], None]
    undoing: Callable[[], None] = _nothing
    stage: str = "host"

    def describe(self) -> str:
        return self.description

    def execute(self) -> None:
        self.action()

    def undo(self) -> None:
        self.undoing()

    @property
    def source(self) -> str:
        """The module and function that do it, for the reader who wants to see."""
        function = getattr(self.action, "func", self.action)
        return f"{function.__module__}.{function.__qualname__}"


def fail_point(name: str) -> None:
    """Die after this step when VITRINE_FAIL_AFTER asks for it."""
    if os.environ.get("VITRINE_FAIL_AFTER") == name:
        os.kill(os.getpid(), signal.SIGKILL)


def timed(step: Step, epoch: float) -> StepTiming:
    """Execute the step; `epoch` is the monotonic moment from which start_us counts."""
    start = time.monotonic()
    try:
        step.execute()
    except (OSError, VitrineError) as error:
        if isinstance(error, StepError):
            raise
        raise StepError(step.name, error) from error
    taken = time.monotonic() - start
    fail_point(step.name)
    return StepTiming(
        step.name,
        step.description,
        step.manual,
        step.stage,
        round((start - epoch) * 1e6),
        round(taken * 1e6),
        step.source,
    )


@dataclass
class Plan:
    """The steps of one container, and how long each took."""

    id: str
    steps: list[Step] = field(default_factory=list)
    timings: list[StepTiming] = field(default_factory=list)
    epoch: float = field(default_factory=time.monotonic)

    def describe(self) -> Iterator[str]:
        """The dry run."""
        for step in self.steps:
            yield step.describe()

    def run(self, monitor: Monitor) -> list[StepTiming]:
        """Execute every step, or undo what was done and raise StepError."""
        with contextlib.ExitStack() as undo:
            for step in self.steps:
                undo.callback(_quietly, step.undo)
                self.timings.append(timed(step, self.epoch))
                monitor.tell(Event("step.done", self.id, self.timings[-1].to_dict()))
            undo.pop_all()
        return self.timings


def _quietly(undo: Callable[[], None]) -> None:
    """An undo must be safe to repeat and must not hide the error that caused it."""
    with contextlib.suppress(OSError, VitrineError):
        undo()
