"""The parts of a lesson as plain, immutable values.

A lesson has steps, a step has tasks, quizzes and actions, a task has the check that proves
it. The texts still hold `%{name}` until `Lesson.bound` puts in the values of one attempt
(see `variables` and `binding`).
"""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from lessons import binding, variables
from lessons.surroundings import Editor, FileCopy, Machine, Port, Terminal


class Named(Protocol):
    """Anything with an id."""

    @property
    def id(self) -> str: ...


N = TypeVar("N", bound=Named)


def by_id(things: Iterable[N], id: str) -> N | None:
    """The thing of that id, or None."""
    return next((thing for thing in things if thing.id == id), None)


@dataclass(frozen=True)
class Check:
    """The proof of a task: a script run in the sandbox, or rules read from outside."""

    language: str  # sh | bash | python | host
    source: str
    timeout: int = 5
    machine: str = ""
    user: str = "root"
    line: int = 0
    include: str = ""  # the course's shared scripts, put before the source


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

    @property
    def typed(self) -> str:
        """What is typed: for another user than the terminal's, by su(1)."""
        return f"su {self.user} -c {shlex.quote(self.command)}" if self.user else self.command


@dataclass(frozen=True)
class Keys:
    """Keys the page offers to press; `data` is what the terminal receives."""

    data: str
    shown: tuple[str, ...]
    terminal: int = 1
    machine: str = ""
    line: int = 0


@dataclass(frozen=True)
class Save:
    """A file the page offers to write: whole, at the end, or before a line that holds `at`."""

    path: str
    content: str
    how: str = "file"  # file | append | insert
    at: str = ""
    mode: int | None = None
    owner: str = ""
    machine: str = ""
    line: int = 0


Action = Run | Keys | Save


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
    actions: tuple[Action, ...] = ()  # runs, keys and files, in their order
    gate: bool | None = None  # None: as the lesson says
    language: str = ""  # the language it is written in, where that is not the lesson's
    path: Path = Path()  # the file it was read from
    setup_on: tuple[tuple[str, str], ...] = ()  # (machine, script) for machines that are not the first
    foreground: str = ""  # read by the first terminal's shell when the step opens

    def task(self, id: str) -> Task | None:
        """The task of that id, or None."""
        return by_id(self.tasks, id)

    @property
    def saves(self) -> tuple[Save, ...]:
        """The files it offers to write; the page names one by its place here."""
        return tuple(action for action in self.actions if isinstance(action, Save))


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
    named_terminals: tuple[Terminal, ...] = ()
    ports: tuple[Port, ...] = ()
    editor: Editor | None = None
    files: tuple[FileCopy, ...] = ()
    setup_on: tuple[tuple[str, str], ...] = ()
    foreground: str = ""  # read by the first terminal's shell when the lab begins
    edition: str = ""  # which saved version of a lesson of the desk
    unavailable: str = ""  # why this site has no sandbox for it; it can still be read

    @property
    def machine(self) -> Machine:
        """The first machine: where commands go that name none."""
        return self.machines[0]

    @property
    def tasks(self) -> tuple[Task, ...]:
        """Every task of every step, in order."""
        return tuple(task for step in self.steps for task in step.tasks)

    @property
    def quizzes(self) -> tuple[Quiz, ...]:
        """Every question of every step, in order."""
        return tuple(quiz for step in self.steps for quiz in step.quizzes)

    def step(self, id: str) -> Step | None:
        """The step of that id, or None."""
        return by_id(self.steps, id)

    def quiz(self, id: str) -> Quiz | None:
        """The quiz of that id, or None."""
        return by_id(self.quizzes, id)

    def terminals_of(self, machine: str) -> tuple[Terminal, ...]:
        """The terminals the page opens on a machine."""
        if self.named_terminals:
            return tuple(each for each in self.named_terminals if (each.machine or self.machine.name) == machine)
        has = next((each.terminal for each in self.machines if each.name == machine), False)
        return tuple(Terminal(n, machine=machine) for n in range(1, self.terminals + 1)) if has else ()

    def values(self, seed: str) -> dict[str, str]:
        """The value of each declared variable for one attempt."""
        return variables.choose(self.vars, seed)

    def bound(self, seed: str) -> "Lesson":
        """This lesson as one attempt sees it: every `%{name}` has its value."""
        values = self.values(seed)
        return binding.bind(self, values) if values else self


@dataclass(frozen=True)
class Course:
    """An ordered list of lessons under one title; `lessons` may be outlines (see `outline`)."""

    slug: str
    title: str
    summary: str = ""
    language: str = "en"
    lessons: tuple[Any, ...] = ()

    @property
    def minutes(self) -> int:
        """How long the whole course takes."""
        return sum(lesson.minutes for lesson in self.lessons)
