"""The trial of a lesson: prove that its checks tell done from not done.

Per task: the check fails on the untouched machine, fails on every wrong attempt with the
words the author promised, and passes twice after the solution. Everything is typed into a
real terminal of a real sandbox. A wrong attempt gets a fresh machine, brought as far as the
task by the solutions before it, so that no attempt profits from another.
"""

import re
import secrets
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from labsite.labs import checks, gateway
from labsite.labs.lessonbook import path_of, request_for
from labsite.labs.models import LabSession, Sandbox
from labsite.labs.typist import TypingError, Typist
from lessons.catalog import Lesson, Run, Step, Task
from lessons.contract import CheckResult, State

PATIENCE = 5.0  # how long a background process may take to become what it will be


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
        """Every step in its order on one machine; wrong attempts on machines of their own."""
        if len(self.lesson.machines) > 1 or self.lesson.machine.network != "none":
            why = "the trial plays lessons of one machine without a network"
            self.report(Outcome(False, "", "machines", "prepare", why))
            return
        with self.machine() as sandbox:
            for step in self.lesson.steps:
                self._step(sandbox, step)

    @contextmanager
    def machine(self) -> Iterator[Sandbox]:
        """A fresh sandbox with the lesson's setup done; deleted at the end."""
        lab = LabSession(code=secrets.token_hex(16), lesson=path_of(self.lesson))
        first = self.lesson.machine
        sandbox = Sandbox(lab=lab, name=first.name, request=request_for(self.lesson, first))
        # no annotation of a lab: the site's reconciler must not take it for one it lost
        request = {**gateway.creation_request(sandbox), "annotations": {}}
        try:
            gateway.SpawnerClient().create(**request)
            checks.prepare(sandbox, self.lesson, seed=self.seed)
            yield sandbox
        finally:
            gateway.delete(sandbox.runtime_id)

    def _step(self, sandbox: Sandbox, step: Step) -> None:
        for script in step.setup:
            checks.run_setup(sandbox, self.lesson, script, seed=self.seed)
        for task in step.tasks:
            self._untouched(sandbox, step, task)
        for run in step.runs:
            self._play(sandbox, step, run)
        for task in step.tasks:
            for number, _ in enumerate(task.wrongs):
                self._wrong(step, task, number)
            self._solve(sandbox, step, task)
            self.done.append((step, task))

    def _check(self, sandbox: Sandbox, step: Step, task: Task) -> CheckResult:
        return checks.run_check(sandbox, self.lesson, step, task, seed=self.seed)

    def _untouched(self, sandbox: Sandbox, step: Step, task: Task) -> None:
        """A check that passes before anything was done proves nothing."""
        start = time.monotonic()
        result = self._check(sandbox, step, task)
        ok = result.passed if task.done_at_start else result.state is State.NOT_YET
        self._say(ok, step, task.id, "untouched", result, start)

    def _play(self, sandbox: Sandbox, step: Step, run: Run) -> None:
        """A command of the text must do what the text says it does."""
        if run.skip or not run.enter:
            return
        start = time.monotonic()
        typed = f"su {run.user} -c {shlex.quote(run.command)}" if run.user else run.command
        try:
            with Typist(sandbox.runtime_id, run.terminal) as typist:
                status, output = typist.type(typed, run.timeout, interrupt=run.interrupt)
        except TypingError as error:
            status, output = -1, str(error)
        ok = status == run.exit and (run.output is None or matches(run.output, output))
        detail = f"status {status}" if ok else f"status {status}, printed {output!r}"
        seconds = time.monotonic() - start
        self.report(Outcome(ok, step.id, f"line {run.line}", "run", detail, seconds))

    def _wrong(self, step: Step, task: Task, number: int) -> None:
        wrong, start = task.wrongs[number], time.monotonic()
        with self.machine() as sandbox:
            self._advance(sandbox)
            self._type(sandbox, wrong.source)
            result = self._until(sandbox, step, task, lambda r: wrong.says in r.message)
        ok = result.state is State.NOT_YET and wrong.says in result.message
        self._say(ok, step, task.id, f"wrong {number + 1}", result, start)

    def _advance(self, sandbox: Sandbox) -> None:
        """Bring a fresh machine to where the learner stands before this task."""
        for step, task in self.done:
            self._type(sandbox, task.solution.source if task.solution else "true")
            self._until(sandbox, step, task, lambda result: result.passed)

    def _solve(self, sandbox: Sandbox, step: Step, task: Task) -> None:
        start = time.monotonic()
        if task.solution is None:
            self.report(Outcome(False, step.id, task.id, "solution", "there is none"))
            return
        if not self._check(sandbox, step, task).passed:
            self._type(sandbox, task.solution.source)
        result = self._until(sandbox, step, task, lambda result: result.passed)
        again = self._check(sandbox, step, task) if result.passed else result
        self._say(again.passed, step, task.id, "solution", again, start)

    def _type(self, sandbox: Sandbox, source: str) -> None:
        with Typist(sandbox.runtime_id) as typist:
            typist.type(source)

    def _until(
        self, sandbox: Sandbox, step: Step, task: Task, done: Callable[[CheckResult], bool]
    ) -> CheckResult:
        """Ask until the answer is the one awaited, or patience ends."""
        end = time.monotonic() + PATIENCE
        result = self._check(sandbox, step, task)
        while not done(result) and result.state is not State.BROKEN and time.monotonic() < end:
            time.sleep(0.2)
            result = self._check(sandbox, step, task)
        return result

    def _say(
        self, ok: bool, step: Step, part: str, act: str, result: CheckResult, start: float
    ) -> None:
        detail = f"{result.state}: {result.message or result.log}"
        self.report(Outcome(ok, step.id, part, act, detail, time.monotonic() - start))


def matches(expected: str, printed: str) -> bool:
    """Compare output with what the text shows.

    `...` alone on a line stands for any lines, within a line for anything; columns may be
    spaced differently, because their width depends on the longest value.
    """
    pattern = "".join(_pattern(line) for line in _lines(expected))
    return re.fullmatch(pattern, "".join(line + "\n" for line in _lines(printed))) is not None


def _pattern(line: str) -> str:
    if line == "...":
        return r"(?:[^\n]*\n)*"
    return ".*".join(re.escape(part) for part in line.split("...")) + r"\n"


def _lines(text: str) -> list[str]:
    """Lines with single spaces, without empty ones at either end."""
    return [" ".join(line.split()) for line in text.strip("\n").split("\n")]
