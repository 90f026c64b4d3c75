"""Fences: what a block of code means, by the word in its braces.

`sh {run}` is a command to type, `text {output}` what it should print, `sh {check}`,
`sh {solution}` and `sh {wrong says="…"}` belong to a task, `sh {setup}` opens a step,
`yaml {file=/etc/app.yaml}` is a file to save, `key {keys="Esc :q! Enter"}` keys to press.
"""

import re
from dataclasses import dataclass

from lessons import keys, rules
from lessons.attributes import Attributes, parse_fence
from lessons.elements import Check, Keys, Run, Save, Solution, Wrong
from lessons.source import Source
from lessons.suggest import listed, near

KINDS: dict[str, set[str]] = {
    "run": {"terminal", "machine", "interrupt", "no-enter", "as", "exit", "skip", "timeout"},
    "output": set(),
    "setup": {"file", "machine"},
    "check": {"timeout", "machine", "as", "host", "file"},
    "solution": {"machine", "typed", "file"},
    "wrong": {"machine", "says", "file"},
    "keys": {"keys", "terminal", "machine"},
    "file": {"file", "append", "insert", "at", "mode", "owner", "machine"},
    "edit": {"edit", "machine"},
}
PROOFS = ("check", "solution", "wrong")
BY_VALUE = {"keys": "keys", "edit": "edit", "file": "file", "append": "file", "insert": "file"}
FLAGS = {"host", "typed", "interrupt", "no-enter", "skip", *PROOFS, "run", "output", "setup"}
LANGUAGES = {"check": ("sh", "bash", "python"), "setup": ("sh", "bash"), "solution": ("sh", "bash"), "wrong": ("sh", "bash")}
SHELLS = ("sh", "bash", "console")


@dataclass(frozen=True)
class Fence:
    """A fence, its braces understood."""

    kind: str  # one of KINDS, or "" for code that is only shown
    language: str
    found: Attributes
    text: str
    line: int

    def value(self, name: str, default: str = "") -> str:
        """An attribute's value."""
        return self.found.values.get(name, default)

    def flag(self, name: str) -> bool:
        """Is the word there?"""
        return name in self.found.flags


def read(info: str, text: str, line: int, source: Source) -> Fence | None:
    """The fence; None, with a fault noted, if its line is not understood."""
    try:
        language, found = parse_fence(info)
    except ValueError as error:
        source.faults.add(line, str(error))
        return None
    count = len(source.faults.errors)
    kind = _kind(language, found, line, source)
    for name in found.unknown(KINDS.get(kind, set()) | {kind}):
        known = KINDS[kind] if kind else {*KINDS, "append", "insert"} - {"edit"}
        tail = near(name, known) or (f" (known: {listed(known)})" if known else "")
        source.faults.add(line, f"unknown attribute {name!r} of a {kind or 'plain'} fence{tail}")
    for name in {*found.flags} - FLAGS & KINDS.get(kind, set()):
        if name in KINDS.get(kind, set()):
            source.faults.add(line, f"{name} needs a value: {name}=…")
    for name in found.values.keys() & FLAGS:
        source.faults.add(line, f"{name} is a word alone, without a value")
    _machine(found, line, source)
    if len(source.faults.errors) > count:
        return None
    return _filled(Fence(kind, language, found, text, line), source)


def _kind(language: str, found: Attributes, line: int, source: Source) -> str:
    kinds = [flag for flag in found.flags if flag in KINDS and flag not in BY_VALUE]
    if len(kinds) > 1:
        source.faults.add(line, f"a fence is one thing, not {' and '.join(kinds)}")
    if kinds:
        return kinds[0]
    named = [BY_VALUE[key] for key in found.values if key in BY_VALUE]
    if len(named) > 1:
        source.faults.add(line, "a fence has one of file, append, insert, edit and keys")
    if named:
        return named[0]
    plain = not (found.flags or found.values or found.id)
    return "run" if source.run_default and plain and language in SHELLS else ""


def _machine(found: Attributes, line: int, source: Source) -> None:
    """A command sent to a machine that is not there would wait for ever."""
    name = found.values.get("machine", "")
    if name and name not in source.machines:
        source.faults.add(line, f"unknown machine {name!r}{near(name, source.machines)}")
    terminal = found.values.get("terminal", "1")
    if not re.fullmatch(r"[1-8]", terminal):
        source.faults.add(line, f"terminal={terminal} is not a terminal's number (1 to 8)")


def _filled(fence: Fence, source: Source) -> Fence | None:
    """With the text of the file it names, where its text is kept outside; right languages only."""
    allowed = LANGUAGES.get(fence.kind)
    host = fence.kind == "check" and (fence.flag("host") or fence.language == "yaml")
    if allowed and fence.language not in allowed and not host:
        source.faults.add(
            fence.line, f"a {fence.kind} is written in {' or '.join(allowed)}, not in {fence.language or 'nothing'}"
        )
        return None
    if "file" not in fence.found.values or fence.kind not in (*PROOFS, "setup"):
        return fence
    text, why = source.places.text(fence.value("file"))
    if fence.text.strip():
        why = "a fence with file= is empty: its text is in the file"
    if why:
        source.faults.add(fence.line, why)
        return None
    return Fence(fence.kind, fence.language, fence.found, text, fence.line)


def check(fence: Fence, source: Source) -> Check:
    """A check: its language decides who reads it."""
    host = fence.flag("host")
    if host != (fence.language == "yaml"):
        source.faults.add(fence.line, "a check is `sh {check}`, `python {check}` or `yaml {check host}`")
    for fault in rules.faults(fence.text) if host else ():
        source.faults.add(fence.line, fault)
    return Check(
        language="host" if host else fence.language,
        source=fence.text,
        timeout=number(fence, "timeout", 5, source, 1, 120),
        machine=fence.value("machine"),
        user=fence.value("as", "root"),
        line=fence.line,
        include="" if host else source.include.before(fence.language),
    )


def solution(fence: Fence, html: str) -> Solution:
    """The author's own way."""
    return Solution(fence.text, html, fence.value("machine"), fence.flag("typed"), fence.line)


def wrong(fence: Fence, source: Source) -> Wrong:
    """A wrong attempt: it must say which words the check answers."""
    if not fence.value("says"):
        source.faults.add(fence.line, 'a wrong attempt needs says="words of the check\'s message"')
    return Wrong(fence.text, fence.value("says"), fence.value("machine"), fence.line)


def run(fence: Fence, source: Source) -> Run:
    """A command the page types into a terminal."""
    return Run(
        command=command_of(fence),
        terminal=int(fence.value("terminal", "1")),
        machine=fence.value("machine"),
        user=fence.value("as"),
        interrupt=fence.flag("interrupt"),
        enter=not fence.flag("no-enter"),
        exit=number(fence, "exit", 0, source, 0, 255),
        skip=fence.flag("skip"),
        timeout=number(fence, "timeout", 30, source, 1, 600),
        line=fence.line,
    )


def command_of(fence: Fence) -> str:
    """What is typed: of a `console` block only what stands after its prompts."""
    text = fence.text.rstrip("\n")
    if fence.language != "console":
        return text
    prompts = re.findall(r"^[$#] (.*)$", text, re.MULTILINE)
    return "\n".join(prompts) or text


def pressed(fence: Fence) -> Keys:
    """Keys the page sends."""
    data, shown = keys.read(fence.value("keys"))
    return Keys(data, shown, int(fence.value("terminal", "1")), fence.value("machine"), fence.line)


def save(fence: Fence, source: Source) -> Save:
    """A file the page writes."""
    how = next(key for key in ("file", "append", "insert") if key in fence.found.values)
    path, mode = fence.value(how), fence.value("mode")
    if not path.startswith("/"):
        source.faults.add(fence.line, f"{how}={path}: write an absolute path of the machine")
    if (how == "insert") != ("at" in fence.found.values):
        source.faults.add(fence.line, 'insert=/path and at="words of a line" go together')
    if mode and not re.fullmatch(r"[0-7]{3,4}", mode):
        source.faults.add(fence.line, f"mode={mode} is not octal, such as 0644")
        mode = ""
    return Save(
        path, fence.text, how, fence.value("at"), int(mode, 8) if mode else None,
        fence.value("owner"), fence.value("machine"), fence.line,
    )  # fmt: skip


def edit(fence: Fence, source: Source) -> dict[str, str]:
    """A button that opens the editor: what the renderer has to know."""
    path = fence.value("edit")
    if not path.startswith("/"):
        source.faults.add(fence.line, f"edit={path}: write an absolute path of the machine")
    return {"path": path, "machine": fence.value("machine")}


def number(fence: Fence, name: str, default: int, source: Source, low: int, high: int) -> int:
    """A whole number within bounds."""
    try:
        value = fence.found.number(name, default)
    except ValueError as error:
        source.faults.add(fence.line, str(error))
        return default
    if not low <= value <= high:
        source.faults.add(fence.line, f"{name}={value} is not between {low} and {high}")
    return value
