"""Lint: what can be read without error and is wrong all the same.

A check without a way to fail, a task nobody has solved, a hint that is the answer, a
command that never returns, a translation whose checks have drifted from the original.
"""

import html
import re
import shutil
import subprocess
from collections.abc import Iterator

from lessons import catalog, translation
from lessons.elements import Check, Lesson, Run, Step, Task
from lessons.errors import LessonError, LessonErrors, LessonNote
from lessons.suggest import near
from lessons.variables import PATTERN

FORBIDDEN = {
    r"\bp(?:grep|kill)\s+(?:-\w+\s+)*-\w*f": "pgrep -f and pkill -f also find the check itself",
    r"\.bash_history": "the history is written when the shell ends; use `ran REGEX`",
}
HINT = re.compile(r'<details class="hint".*?</details>', re.DOTALL)
FAILS = {
    "sh": r"\bfail\b|\bexit [1-9$]|\[|\btest\b|\bgrep\b",
    "bash": r"\bfail\b|\bexit [1-9$]|\[|\btest\b|\bgrep\b",
    "python": r"\bfail\(|exit\(|assert\b",
}
SUCCEEDS = re.compile(r"(?:^|[\n;])\s*(?:exit 0|true|:)\s*$")
STAYS = re.compile(
    r"^(?:sudo )?(?:top|htop|watch|less|man|vim?|nano|tail -[fF]|ping (?!.*-c)|tcpdump(?!.*-c)"
    r"|python3? -m http\.server|yes|nc -l|sleep infinity|dmesg -w|journalctl -f)\b"
)


def faults(lesson: Lesson) -> Iterator[LessonError]:
    """Everything suspicious in one lesson."""
    for step in lesson.steps:
        found = [fault for task in step.tasks for fault in _task(step, task)]
        found += [*_runs(step), *_variables(lesson, step)]
        yield from (LessonError(step.path, line, message) for line, message in found)


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
    code = re.sub(r"(?m)^\s*#.*$", "", check.source)
    if not re.search(FAILS[check.language], check.include + code):
        yield check.line, "this check cannot fail"
    elif check.language != "python" and SUCCEEDS.search(code.rstrip()) and not re.search(r"\bfail\b|exit [1-9]", code):
        yield check.line, "this check cannot fail: its last line always succeeds"
    for pattern, why in FORBIDDEN.items():
        if re.search(pattern, code):
            yield check.line, why


def _long_lines(task: Task) -> list[str]:
    source = task.solution.source if task.solution else ""
    return [line.strip() for line in source.splitlines() if len(line.strip()) > 12]


def _hints(step: Step) -> list[str]:
    return [html.unescape(text) for text in HINT.findall(step.html)]


def _runs(step: Step) -> Iterator[tuple[int, str]]:
    """A command typed into a program that still runs is lost."""
    busy: dict[tuple[str, int], Run] = {}
    for action in step.actions:
        place = (getattr(action, "machine", ""), getattr(action, "terminal", 1))
        if not isinstance(action, Run):
            busy.pop(place, None)  # keys may well have ended it
            continue
        before = busy.pop(place, None)
        if before and not action.interrupt:
            words = f"the command of line {before.line} does not return: add `interrupt`, or another terminal="
            yield action.line, words
        if STAYS.match(action.command.strip()) and not action.skip:
            busy[place] = action


def _variables(lesson: Lesson, step: Step) -> Iterator[tuple[int, str]]:
    """`%{nmae}` beside a declared `name` is a slip; names far from any are left to other tools."""
    texts = [(step.line, step.html), *((run.line, run.command) for run in step.runs)]
    texts += [(check.line, check.source) for task in step.tasks for check in task.checks]
    for line, text in texts:
        for name in {match[1] for match in PATTERN.finditer(text)} - lesson.vars.keys():
            if tail := near(name, lesson.vars):
                yield line, f"%{{{name}}} is not declared under vars{tail}"


def differences(course: str, slug: str) -> Iterator[LessonError]:
    """Where a translation is another lesson: other steps, tasks, checks, commands or solutions."""
    settings = catalog.settings_of(course)
    entry = settings.entries[slug]
    try:
        original = catalog.read_file(settings, slug, "en")
        for language in catalog.LANGUAGES[1:]:
            if not entry.file(language).exists():
                yield LessonNote(entry.file(language), 1, f"there is no translation into {language}")
                continue
            yield from translation.differences(original, catalog.read_file(settings, slug, language))
    except LessonErrors:
        return  # the faults of the file itself are told already


def shellcheck(lesson: Lesson) -> Iterator[LessonError]:
    """The errors shellcheck finds in the checks, if it is installed; its opinions on style are not asked."""
    if not shutil.which("shellcheck"):
        return
    for step in lesson.steps:
        for check in (check for task in step.tasks for check in task.checks if check.language in ("sh", "bash")):
            command = ["shellcheck", "-s", check.language, "-f", "gcc", "-S", "error", "-e", "SC1072,SC1073,SC2148", "-"]
            said = subprocess.run(command, input=check.source, capture_output=True, text=True, check=False).stdout
            for line, words in re.findall(r"^-:(\d+):\d+: \w+: (.*)$", said, re.MULTILINE):
                yield LessonError(step.path, check.line + int(line), f"shellcheck: {words}")
