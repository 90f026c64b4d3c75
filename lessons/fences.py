"""Fences: what a block of code means, by the word in its braces.

`sh {run}` is a command to type, `text {output}` what it should print, `sh {check}`,
`sh {solution}` and `sh {wrong says="…"}` belong to a task, `sh {setup}` opens a step.
"""

from collections.abc import Callable
from typing import Any

from lessons import rules
from lessons.attributes import Attributes, parse_fence
from lessons.elements import Check, Run, Solution, Wrong
from lessons.errors import Faults

KINDS: dict[str, set[str]] = {
    "run": {
        "terminal", "machine", "interrupt", "no-enter", "as", "exit", "skip", "timeout",
    },
    "output": set(),
    "setup": {"machine"},
    "check": {"timeout", "machine", "as", "host"},
    "solution": {"machine", "typed"},
    "wrong": {"machine", "says"},
}  # fmt: skip
CHECK_LANGUAGES = ("sh", "bash", "python")


def read(info: str, line: int, faults: Faults) -> tuple[str, str, Attributes]:
    """Return kind, language and attributes of a fence; faults are noted, not raised."""
    try:
        language, found = parse_fence(info)
    except ValueError as error:
        faults.add(line, str(error))
        return "", "", Attributes()
    kinds = [flag for flag in found.flags if flag in KINDS]
    if len(kinds) > 1:
        faults.add(line, f"a fence is one of {', '.join(KINDS)}, not {' and '.join(kinds)}")
    kind = kinds[0] if kinds else ""
    for name in found.unknown(KINDS.get(kind, set()) | {kind}):
        faults.add(line, f"unknown attribute {name!r} of a {kind or 'plain'} fence")
    return kind, language, found


def check(text: str, language: str, found: Attributes, line: int, faults: Faults) -> Check:
    """A check: its language decides who reads it."""
    host = "host" in found.flags
    if host != (language == "yaml") or (not host and language not in CHECK_LANGUAGES):
        faults.add(line, "a check is `sh {check}`, `python {check}` or `yaml {check host}`")
    for fault in rules.faults(text) if host else ():
        faults.add(line, fault)
    return Check(
        language="host" if host else language,
        source=text,
        timeout=_number(found, "timeout", 5, line, faults),
        machine=found.values.get("machine", ""),
        user=found.values.get("as", "root"),
        line=line,
    )


def solution(text: str, found: Attributes, html: str, line: int) -> Solution:
    """The author's own way."""
    return Solution(text, html, found.values.get("machine", ""), "typed" in found.flags, line)


def wrong(text: str, found: Attributes, line: int, faults: Faults) -> Wrong:
    """A wrong attempt: it must say which words the check answers."""
    if not found.values.get("says"):
        faults.add(line, 'a wrong attempt needs says="words of the check\'s message"')
    return Wrong(text, found.values.get("says", ""), found.values.get("machine", ""), line)


def run(text: str, found: Attributes, line: int, faults: Faults) -> Run:
    """A command the page types into a terminal."""
    number: Callable[[str, int], int] = lambda name, default: _number(  # noqa: E731
        found, name, default, line, faults
    )
    flags: dict[str, Any] = {"interrupt": "interrupt" in found.flags, "skip": "skip" in found.flags}
    return Run(
        command=text.rstrip("\n"),
        terminal=number("terminal", 1),
        machine=found.values.get("machine", ""),
        user=found.values.get("as", ""),
        enter="no-enter" not in found.flags,
        exit=number("exit", 0),
        timeout=number("timeout", 30),
        line=line,
        **flags,
    )


def _number(found: Attributes, name: str, default: int, line: int, faults: Faults) -> int:
    try:
        return found.number(name, default)
    except ValueError as error:
        faults.add(line, str(error))
        return default
