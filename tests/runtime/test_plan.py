"""Plans: whole or not at all."""

from __future__ import annotations

import pytest

from runtime.errors import StepError
from runtime.events import Recorder
from runtime.plan import Plan, Step


def step(name: str, log: list[str], error: Exception | None = None) -> Step:
    def act() -> None:
        log.append(name)
        if error:
            raise error

    return Step(name, f"do {name}", "intro(2)", act, lambda: log.append(f"undo {name}"))


def test_in_order():
    """Steps run in order, each is timed, and the monitor hears of each."""
    log: list[str] = []
    monitor = Recorder()

    timings = Plan("a", [step("one", log), step("two", log)]).run(monitor)

    assert ["one", "two"] == log == [timing.name for timing in timings]
    assert ["step.done"] * 2 == [event.name for event in monitor.events]


def test_failure_is_undone():
    """A failing step is undone too, for it may have done half, and then those before it in reverse."""
    log: list[str] = []
    plan = Plan("a", [step("one", log), step("two", log, OSError(1, "no")), step("three", log)])

    with pytest.raises(StepError) as caught:
        plan.run(Recorder())

    assert "two" == caught.value.step
    assert 1 == getattr(caught.value.cause, "errno", None)
    assert ["one", "two", "undo two", "undo one"] == log


def test_describe():
    """The dry run is the list of descriptions."""
    log: list[str] = []

    assert ["do one", "do two"] == list(Plan("a", [step("one", log), step("two", log)]).describe())
    assert [] == log
