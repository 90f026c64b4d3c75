"""What of a context is left out: `.containerignore`, or `.dockerignore`.

One pattern a line. `*` and `?` do not match a slash, `**` matches any number of directories, `!`
takes back what an earlier line left out; the last pattern that matches a file, or a directory it
is in, decides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.image import beneath

NAMES = (".containerignore", ".dockerignore")
LARGEST = 1 << 20


@dataclass(frozen=True)
class Ignore:
    """The patterns in their order; True: what matches is left out."""

    patterns: Sequence[tuple[re.Pattern[str], bool]] = ()

    def __call__(self, path: str) -> bool:
        """Whether the path, relative to the context, is left out."""
        parts = path.split("/")
        ways = ["/".join(parts[: number + 1]) for number in range(len(parts))]
        out = False
        for pattern, leaves_out in self.patterns:
            if leaves_out != out and any(pattern.fullmatch(way) for way in ways):
                out = leaves_out
        return out


def read(context: Path) -> Ignore:
    """The patterns of a context; none if it has no such file."""
    for name in NAMES:
        if beneath.status(context, name) is not None:
            return parse(beneath.read(context, name, LARGEST).decode(errors="replace"))
    return Ignore()


def parse(text: str) -> Ignore:
    """The patterns of a text."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return Ignore([(compiled(line.removeprefix("!").strip()), not line.startswith("!")) for line in lines])


def compiled(pattern: str) -> re.Pattern[str]:
    """A regular expression that matches the whole of a path."""
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    text = ""
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "**":
            text += ".*" if last else "(?:[^/]*/)*"
        else:
            text += component(part) + ("" if last else "/")
    return re.compile(text, re.DOTALL)


def component(part: str) -> str:
    """One name's pattern: * ? [a-z] and \\ before a letter that means itself."""
    found, at = "", 0
    while at < len(part):
        letter = part[at]
        close = part.find("]", at + 2) if letter == "[" else -1
        if letter == "\\" and at + 1 < len(part):
            found, at = found + re.escape(part[at + 1]), at + 2
        elif close > 0:
            inner = part[at + 1 : close].replace("\\", "\\\\").replace("[", "\\[")
            found, at = f"{found}[{inner}]", close + 1
        else:
            found, at = found + {"*": "[^/]*", "?": "[^/]"}.get(letter, re.escape(letter)), at + 1
    return found
