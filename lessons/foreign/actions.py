"""Actions: what the braces after a code span or a fence ask for.

    {{execute T2}}   {{exec interrupt}}   {{copy}}   {{open}}   {{}}

Only braces that directly follow a closing back-tick are actions: `{{ .Values.x }}` of Helm,
Jinja and Go templates stands inside code and is left alone.
"""

import difflib
import re
from dataclasses import dataclass

BRACES = re.compile(r"\{\{([^{}\n]{0,200})\}\}")
SPACED = re.compile(r"[ \t]\{\{[ \t]*(?:execute|exec|copy|open)\b[^{}\n]{0,200}\}\}", re.IGNORECASE)
VERBS = {"execute": "run", "exec": "run", "copy": "copy", "open": "open", "": ""}
KEYS = {"^C": "\x03", "^D": "\x04", "^Z": "\x1a", "^L": "\x0c", "^ESC": "\x1b", "^R": "\x12", "^X": "\x18", "^O": "\x0f"}


@dataclass(frozen=True)
class Action:
    """What a click does with the code."""

    verb: str  # run | keys | copy | open | "" for nothing
    terminal: int = 0  # 0: the one in front
    machine: int = 1
    interrupt: bool = False
    enter: bool = True
    misspelt: str = ""


def parse(inside: str) -> Action | None:
    """The action of the text between the braces; None if it is no action at all."""
    words = [word.strip("\"'\u201c\u201d,") for word in inside.split()]
    name = words[0].lower() if words else ""
    if name not in VERBS:
        near = difflib.get_close_matches(name[:20], ["execute", "exec", "copy", "open"], 1, 0.7)
        return Action("copy", misspelt=name) if near else None
    return _qualified(VERBS[name], words[1:])


def _qualified(verb: str, words: list[str]) -> Action:
    """The arguments, in any order and case; what nobody knows is a test's tag."""
    flags = {word.lower() for word in words}
    terminal = next((int(flag[1:]) for flag in sorted(flags) if re.fullmatch(r"t[1-9]", flag)), 0)
    machine = next((int(flag[4:]) for flag in sorted(flags) if re.fullmatch(r"host[1-9]", flag)), 1)
    if verb == "run" and "ctrl-seq" in flags:
        return Action("keys", terminal, machine, enter=False)
    return Action(verb, terminal, machine, "interrupt" in flags, "no-newline" not in flags)


def after(text: str) -> tuple[Action, int] | None:
    """The action a text begins with, and its length; None if there is none."""
    match = BRACES.match(text) or SPACED.match(text)
    action = parse(match[0].strip()[2:-2]) if match else None
    return (action, match.end()) if match and action else None


def key(text: str) -> str:
    """The character a `ctrl-seq` stands for; other texts are themselves."""
    text = text.strip()
    control = re.fullmatch(r"\^([A-Za-z])", text)
    return KEYS.get(text.upper()) or (chr(ord(control[1].upper()) - 64) if control else text)
