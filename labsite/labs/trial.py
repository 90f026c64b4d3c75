"""The trial of a lesson: prove that its checks tell done from not done.

Per task: the check fails on the untouched machine, fails on every wrong attempt with the
words the author promised, and passes twice after the solution. Everything is typed into a
real terminal of a real sandbox. A wrong attempt gets fresh machines, brought as far as the
task by the solutions before it, so that no attempt profits from another.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from labsite.labs import checks
from labsite.labs.grounds import Grounds, grounds
from labsite.labs.replay import play
from lessons.catalog import Lesson, Solution, Step, Task, Wrong
from lessons.contract import CheckResult, State

PATIENCE = 5.0  # how long a background process may take to become what it will be
STATUS = {State.PASSED: "0", State.NOT_YET: "1", State.CANNOT_TELL: "77", State.BROKEN: "broke"}


@dataclass(frozen=True)
class Outcome:
    """One line of the report."""

    ok: bool
    step: str
    part: str
    act: str
    detail: str
    seconds: float = 0.0


class Trial:
    """Walks one lesson in one language with one set of values."""

    def __init__(self, lesson: Lesson, seed: str, report: Callable[[Outcome], None]) -> None:
        self.lesson, self.seed = lesson.bound(seed), seed
        self.report = report
        self.done: list[tuple[Step, Task]] = []

    def run(self) -> None:
        """Every step in its order on one set of machines; wrong attempts on machines of their own."""
        with grounds(self.lesson, self.seed) as place:
            for step in self.lesson.steps:
                self._step(place, step)

    def _step(self, place: Grounds, step: Step) -> None:
        self._enter(place, step)
        for task in step.tasks:
            self._untouched(place, step, task)
        for part, act, ok, detail, seconds in play(place, step):
            self.report(Outcome(ok, step.id, part, act, detail, seconds))
        for task in step.tasks:
            for wrong in task.wrongs:
                self._wrong(step, task, wrong)
            self._solve(place, step, task)
            self.done.append((step, task))

    def _enter(self, place: Grounds, step: Step) -> None:
        checks.mark_step(place.sandboxes, step)
        checks.enter_step(place.sandboxes, self.lesson, step, seed=self.seed)

    def _check(self, place: Grounds, step: Step, task: Task) -> CheckResult:
        return checks.run_check(place.sandboxes, self.lesson, step, task, seed=self.seed)

    def _untouched(self, place: Grounds, step: Step, task: Task) -> None:
        """A check that passes before anything was done proves nothing."""
        start = time.monotonic()
        result = self._check(place, step, task)
        ok = result.passed if task.done_at_start else result.state is State.NOT_YET
        self._say(ok, step, task.id, "untouched", result, start)

    def _wrong(self, step: Step, task: Task, wrong: Wrong) -> None:
        start = time.monotonic()
        with grounds(self.lesson, self.seed) as place:
            self._advance(place, step)
            type_in(place, wrong)
            result = self._until(place, step, task, lambda r: wrong.says in r.message)
        ok = result.state is State.NOT_YET and wrong.says in result.message
        self._say(ok, step, task.id, "wrong", result, start)

    def _advance(self, place: Grounds, until: Step) -> None:
        """Bring fresh machines to where the learner stands before this task."""
        for step in self.lesson.steps:
            self._enter(place, step)
            for task in (task for home, task in self.done if home is step):
                type_in(place, task.solution)
                self._until(place, step, task, lambda result: result.passed)
            if step is until:
                return

    def _solve(self, place: Grounds, step: Step, task: Task) -> None:
        start = time.monotonic()
        if task.solution is None:
            self.report(Outcome(False, step.id, task.id, "solution", "there is none"))
            return
        if not self._check(place, step, task).passed:
            type_in(place, task.solution)
        result = self._until(place, step, task, lambda result: result.passed)
        again = self._check(place, step, task) if result.passed else result
        self._say(again.passed, step, task.id, "solution", again, start)

    def _until(self, place: Grounds, step: Step, task: Task, done: Callable[[CheckResult], bool]) -> CheckResult:
        """Ask until the answer is the one awaited, or patience ends."""
        end = time.monotonic() + PATIENCE
        result = self._check(place, step, task)
        while not done(result) and result.state is not State.BROKEN and time.monotonic() < end:
            time.sleep(0.2)
            result = self._check(place, step, task)
        return result

    def _say(self, ok: bool, step: Step, part: str, act: str, result: CheckResult, start: float) -> None:
        detail = f"{STATUS[result.state]} {result.message or result.log}"
        self.report(Outcome(ok, step.id, part, act, detail, time.monotonic() - start))


def type_in(place: Grounds, script: Solution | Wrong | None) -> None:
    """Type a solution or a wrong attempt; `typed` ones line by line, as a person would."""
    if script is None:
        return
    typist = place.typist(script.machine)
    whole = not getattr(script, "typed", False)
    for text in [script.source] if whole else [line for line in script.source.splitlines() if line.strip()]:
        typist.type(text)
