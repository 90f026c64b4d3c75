"""The parts of a lesson as plain, immutable values.

A lesson has steps, a step has tasks, quizzes and commands to run, a task has the check
that proves it. The texts still hold `%{name}` until `Lesson.bound` puts in the values of
one attempt (see `variables`).
"""

from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from lessons import variables


@dataclass(frozen=True)
class Check:
    """The proof of a task: a script run in the sandbox, or rules read from outside."""

    language: str  # sh | bash | python | host
    source: str
    timeout: int = 5
    machine: str = ""
    user: str = "root"
    line: int = 0


@dataclass(frozen=True)
class Solution:
    """The author's own way through a task; `typed` is typed line by line."""

    source: str
    html: str = ""
    machine: str = ""
    typed: bool = False
    line: int = 0


@dataclass(frozen=True)
class Wrong:
    """An attempt that must fail, with the words the check must then say."""

    source: str
    says: str
    machine: str = ""
    line: int = 0


@dataclass(frozen=True)
class Task:
    """One thing to do. `auto` tasks are checked every two seconds and stay done."""

    id: str
    html: str
    checks: tuple[Check, ...]  # all must pass, asked in this order
    auto: bool = False
    solution: Solution | None = None
    wrongs: tuple[Wrong, ...] = ()
    points: int = 1
    needs: str = ""
    done_at_start: bool = False
    line: int = 0

    @property
    def check(self) -> Check:
        """The check of a task that has only one, else the first asked."""
        return self.checks[0]


@dataclass(frozen=True)
class Run:
    """A command the page offers to type into a terminal."""

    command: str
    terminal: int = 1
    machine: str = ""
    user: str = ""
    interrupt: bool = False
    enter: bool = True
    exit: int = 0
    skip: bool = False
    timeout: int = 30
    output: str | None = None
    line: int = 0


@dataclass(frozen=True)
class Option:
    """One answer offered by a quiz, with the feedback it earns."""

    id: str
    html: str
    right: bool
    feedback: str = ""


@dataclass(frozen=True)
class Quiz:
    """A question: `one` or `many` of the options, or a free `text` answer."""

    id: str
    kind: str  # one | many | text
    question: str
    options: tuple[Option, ...] = ()
    answers: tuple[tuple[str, str], ...] = ()  # (kind of =, ~ or #, pattern)
    line: int = 0


@dataclass(frozen=True)
class Step:
    """A part of a lesson under one second-level heading."""

    id: str
    title: str
    html: str
    tasks: tuple[Task, ...] = ()
    runs: tuple[Run, ...] = ()
    quizzes: tuple[Quiz, ...] = ()
    setup: tuple[str, ...] = ()
    solution_html: str = ""
    line: int = 0

    def task(self, id: str) -> Task | None:
        """The task of that id, or None."""
        return next((task for task in self.tasks if task.id == id), None)


@dataclass(frozen=True)
class Machine:
    """A sandbox the lesson asks for."""

    name: str = "box"
    image: str = "linux"
    memory: int = 256 << 20
    cpus: float = 0.5
    pids: int = 256
    disk: int = 512 << 20
    network: str = "none"  # none | lab
    terminal: bool = True


@dataclass(frozen=True)
class Lesson:
    """One Markdown file, read."""

    slug: str
    course: str
    title: str
    summary: str = ""
    level: str = "beginner"
    minutes: int = 15
    tags: tuple[str, ...] = ()
    image: str = "linux"
    machines: tuple[Machine, ...] = (Machine(),)
    user: str = "root"
    terminals: int = 1
    setup: str = ""
    vars: dict[str, dict[str, Any]] = field(default_factory=dict)
    gate: bool = True
    solutions: str = "after-pass"  # always | after-pass | instructor
    time_limit: int = 60
    language: str = "en"
    intro_html: str = ""
    steps: tuple[Step, ...] = ()
    path: Path = Path()

    @property
    def machine(self) -> Machine:
        """The first machine: where commands go that name none."""
        return self.machines[0]

    @property
    def tasks(self) -> tuple[Task, ...]:
        """Every task of every step, in order."""
        return tuple(task for step in self.steps for task in step.tasks)

    def step(self, id: str) -> Step | None:
        """The step of that id, or None."""
        return next((step for step in self.steps if step.id == id), None)

    def quiz(self, id: str) -> Quiz | None:
        """The quiz of that id, or None."""
        return next((q for step in self.steps for q in step.quizzes if q.id == id), None)

    def values(self, seed: str) -> dict[str, str]:
        """The value of each declared variable for one attempt."""
        return variables.choose(self.vars, seed)

    def bound(self, seed: str) -> "Lesson":
        """This lesson as one attempt sees it: every `%{name}` has its value."""
        values = self.values(seed)
        return _bind(self, values) if values else self


@dataclass(frozen=True)
class Course:
    """An ordered list of lessons under one title."""

    slug: str
    title: str
    summary: str = ""
    language: str = "en"
    lessons: tuple[Lesson, ...] = ()

    @property
    def minutes(self) -> int:
        """How long the whole course takes."""
        return sum(lesson.minutes for lesson in self.lessons)


HTML_FIELDS = {"html", "solution_html", "intro_html", "question", "feedback"}
UNBOUND_FIELDS = {"vars", "path", "slug", "course"}


def _bind(element: Any, values: dict[str, str]) -> Any:
    """Copy an element with the values put into every text it holds."""
    changes = {
        item.name: _bound_field(item.name, getattr(element, item.name), values)
        for item in fields(element)
        if item.name not in UNBOUND_FIELDS
    }
    return replace(element, **changes)


def _bound_field(name: str, value: Any, values: dict[str, str]) -> Any:
    if isinstance(value, str):
        return variables.substitute(value, values, html=name in HTML_FIELDS)
    if isinstance(value, tuple):
        return tuple(_bound_field(name, item, values) for item in value)
    return _bind(value, values) if is_dataclass(value) else value
