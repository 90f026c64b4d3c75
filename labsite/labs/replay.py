"""Replay: what a step's text offers to do, done in its order, and its words compared.

A command is typed and its status and output looked at. One that is followed by keys, or by a
command that begins with Ctrl-C, is a program that stays: nothing is awaited of it but that it
falls quiet.
"""

import re
import time
from collections.abc import Iterator

from labsite.labs import saving
from labsite.labs.grounds import Grounds
from labsite.labs.typist import TypingError
from lessons.catalog import Keys, Run, Save, Step
from lessons.elements import Action

Line = tuple[str, str, bool, str, float]  # part, act, ok, detail, seconds


def play(place: Grounds, step: Step) -> Iterator[Line]:
    """Every action of a step; one line of report for each."""
    for number, action in enumerate(step.actions):
        if isinstance(action, Run) and action.skip:
            continue
        start = time.monotonic()
        act, ok, detail = _one(place, action, stays(action, step.actions[number + 1 :]))
        yield f"line {action.line}", act, ok, detail, time.monotonic() - start


def _one(place: Grounds, action: Action, stays: bool) -> tuple[str, bool, str]:
    if isinstance(action, Save):
        return _save(place, action)
    if isinstance(action, Keys):
        place.typist(action.machine, action.terminal).press(action.data)
        return "keys", True, " ".join(action.shown)
    return ("run", *_run(place, action, stays))


def _save(place: Grounds, block: Save) -> tuple[str, bool, str]:
    sandbox = place.sandboxes[block.machine or place.lesson.machine.name]
    try:
        saving.save(sandbox, block, place.lesson.user)
    except saving.SaveFailed as error:
        return "save", False, str(error)
    return "save", True, block.path


def _run(place: Grounds, run: Run, stays: bool) -> tuple[bool, str]:
    """A command of the text must do what the text says it does."""
    typist = place.typist(run.machine, run.terminal)
    try:
        if run.interrupt and not typist.at_prompt:
            typist.type("true", run.timeout, interrupt=True)
        if stays or not run.enter:
            typist.begin(run.typed, enter=run.enter)
            return True, "left running"
        status, output = typist.type(run.typed, run.timeout)
    except TypingError as error:
        status, output = -1, str(error)
    ok = status == run.exit and (run.output is None or matches(run.output, output))
    return ok, f"status {status}" if ok else f"status {status}, printed {output!r}"


def stays(action: Action, later: tuple[Action, ...]) -> bool:
    """Does the program keep the terminal until something else is done there?"""
    if not isinstance(action, Run):
        return False
    here = (action.machine, action.terminal)
    after = next((each for each in later if not isinstance(each, Save) and (each.machine, each.terminal) == here), None)
    return isinstance(after, Keys) or (isinstance(after, Run) and after.interrupt and action.output is None)


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
