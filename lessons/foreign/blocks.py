"""Before Markdown: a walk over the lines that takes out what a Markdown parser would misread.

Outside of fences, quizzes and editor blocks are replaced by a stand-in line, and a blank line
is put around fences that touch HTML, which would otherwise be raw text of the HTML block. The
walk remembers which line of the file each line of its result came from.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from lessons.foreign import editor, quiz
from lessons.foreign.fence import CLOSE, LANGUAGE, OPEN, closes

HTML_LINE = re.compile(r"[ \t]{0,3}</?[A-Za-z][^<>]*>.*")
FENCE_LINE = re.compile(r"[ \t]{0,3}(`{3,}|~{3,})(.*)")


@dataclass
class Walk:
    """The lines so far; `origin[n]` is the line of the file that line n stood on."""

    quiz: Callable[[quiz.Found, int], str]
    editor: Callable[[editor.Block, int], str]
    tries: int = 100  # editor blocks looked at: each costs the reading of up to 64 KiB
    lines: list[str] = field(default_factory=list)
    origin: list[int] = field(default_factory=list)

    def text(self) -> str:
        """The result."""
        return "\n".join(self.lines) + "\n"

    def add(self, line: str, number: int) -> None:
        """One line of the result."""
        self.lines.append(line)
        self.origin.append(number)

    def alone(self, line: str, number: int) -> None:
        """A stand-in: a paragraph of its own."""
        for each in ("", line, ""):
            self.add(each, number)


def walk(source: str, walk: Walk) -> Walk:
    """Walk over a text."""
    lines = source.split("\n")
    number = 0
    while number < len(lines):
        number += _fence(lines, number, walk) or _taken(lines, number, walk) or _plain(lines, number, walk)
    return walk


def _plain(lines: list[str], number: int, walk: Walk) -> int:
    walk.add(lines[number], number + 1)
    return 1


def _fence(lines: list[str], number: int, walk: Walk) -> int:
    """A whole fence, as it stands, with blank lines around it where it touches HTML."""
    opening = FENCE_LINE.fullmatch(lines[number])
    if not opening or not OPEN.match(opening[1]) or (opening[1][0] == "`" and "`" in opening[2]):
        return 0
    if number and HTML_LINE.fullmatch(lines[number - 1]):
        walk.add("", number + 1)
    length = 1
    while number + length < len(lines):
        line = lines[number + length].strip()
        length += 1
        if opening[1][:3] in line and (match := CLOSE.fullmatch(line)) and _ends(match, opening):
            break
    for offset in range(length):
        walk.add(lines[number + offset], number + offset + 1)
    if number + length < len(lines) and HTML_LINE.fullmatch(lines[number + length]):
        walk.add("", number + length)
    return length


def _ends(match: re.Match[str], opening: re.Match[str]) -> bool:
    """The same question the fence rule asks later."""
    fence, info = opening[1], opening[2].strip()
    begun = bool(info) and not LANGUAGE.fullmatch(info)
    return match["fence"][0] == fence[0] and closes(match, len(match["fence"]) < len(fence), 0, begun)


def _taken(lines: list[str], number: int, walk: Walk) -> int:
    """A quiz or an editor block; how many lines it took, 0 if there is none."""
    line = lines[number]
    if ">>" in line and (found := quiz.read(lines, number)):
        walk.alone(walk.quiz(found, number + 1), number + 1)
        return found.lines
    start = editor.START.search(line)
    if not start or "`" in line[: start.start()] or not walk.tries:
        return 0
    walk.tries -= 1
    rest = "\n".join(lines[number : number + 2000])
    block = editor.read(rest, start.start())
    if not block:
        return 0
    end = start.start() + block.length
    taken = rest.count("\n", 0, end) + 1
    if before := line[: start.start()].strip():
        walk.add(before, number + 1)
    walk.alone(walk.editor(block, number + 1), number + 1)
    after = rest[end:].split("\n", 1)[0]
    if after.strip():
        walk.add(after, number + taken)
    return taken
