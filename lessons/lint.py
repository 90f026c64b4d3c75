"""Lint: what can be read without error and is wrong all the same.

A check without a way to fail, a task nobody has solved, a hint that is the answer, a
translation whose checks have drifted from the original.
"""

import html
import re
from collections.abc import Iterator

from lessons import catalog
from lessons.elements import Check, Lesson, Step, Task
from lessons.errors import LessonError

FORBIDDEN = {
    r"\bp(?:grep|kill)\s+(?:-\w+\s+)*-\w*f": "pgrep -f and pkill -f also find the check itself",
    r"\.bash_history": "the history is written when the shell ends; use `ran REGEX`",
}
HINT = re.compile(r'<details class="hint".*?</details>', re.DOTALL)
FAILS = {"sh": r"\bfail\b|\bexit [1-9]", "bash": r"\bfail\b|\bexit [1-9]", "python": r"\bfail\(|exit\("}


def faults(lesson: Lesson) -> Iterator[LessonError]:
    """Everything suspicious in one lesson."""
    for step in lesson.steps:
        for task in step.tasks:
            for line, message in _task(step, task):
                yield LessonError(lesson.path, line, message)


def _task(step: Step, task: Task) -> Iterator[tuple[int, str]]:
    if task.solution is None:
        yield task.line, f"task {task.id} has no solution"
    elif any(line in hint for line in _long_lines(task) for hint in _hints(step)):
        yield task.line, f"a hint of task {task.id} contains a line of the solution"
    for check in task.checks:
        yield from _check(check)


def _check(check: Check) -> Iterator[tuple[int, str]]:
    if check.language == "host":
        return
    if not re.search(FAILS[check.language], check.source):
        yield check.line, "this check cannot fail"
    for pattern, why in FORBIDDEN.items():
        if re.search(pattern, check.source):
            yield check.line, why


def _long_lines(task: Task) -> list[str]:
    source = task.solution.source if task.solution else ""
    return [line.strip() for line in source.splitlines() if len(line.strip()) > 12]


def _hints(step: Step) -> list[str]:
    return [html.unescape(text) for text in HINT.findall(step.html)]


def differences(course: str, slug: str) -> Iterator[LessonError]:
    """Where a translation is another lesson: other steps, tasks, commands or solutions."""
    original = catalog.get(course, slug, "en")
    for language in catalog.LANGUAGES[1:]:
        path = catalog.lesson_file(course, slug, language)
        if path == original.path:
            yield LessonError(path, 1, f"there is no translation into {language}")
            continue
        other = catalog.get(course, slug, language)
        for what, mine, theirs in zip(PARTS, _shape(original), _shape(other), strict=True):
            if mine != theirs:
                yield LessonError(path, 1, f"{what} differ from the original: {theirs} for {mine}")


PARTS = ("steps", "tasks", "quizzes", "commands", "solutions", "wrong attempts")


def _shape(lesson: Lesson) -> tuple[list, ...]:
    """What must be the same in every language."""
    return (
        [step.id for step in lesson.steps],
        [(task.id, task.auto, len(task.checks)) for task in lesson.tasks],
        [(q.id, [o.right for o in q.options]) for step in lesson.steps for q in step.quizzes],
        [run.command for step in lesson.steps for run in step.runs],
        [task.solution and task.solution.source for task in lesson.tasks],
        [[wrong.source for wrong in task.wrongs] for task in lesson.tasks],
    )
