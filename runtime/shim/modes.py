"""The modes a terminal is in, so that a replay which starts in the middle looks right.

A program sets a terminal's behaviour by escape sequences: `ESC [ ? 1049 h` switches to the
alternate screen, `ESC [ ? 25 l` hides the cursor, `ESC c` resets everything. A browser that
joins late and receives only the last mebibyte has missed those before it. So we note each
change with its offset and send, ahead of the replay, the modes in force at its first byte.

See console_codes(4).
"""

from __future__ import annotations

import re

CHANGE = re.compile(rb"\x1b(?:\[\?([0-9;]{1,40})([hl])|(c))")
LONGEST = 44  # a sequence may straddle two reads; no longer one is ours
ALTERNATE = {b"47", b"1047", b"1049"}
ON_BY_DEFAULT = {b"7", b"25"}  # autowrap and the cursor: for these, "off" is the news
KEPT = 256

Change = tuple[int, bytes | None, bool]


class Modes:
    """DEC private modes, by the offset at which they changed."""

    def __init__(self) -> None:
        self.settled: dict[bytes, bool] = {}
        self.changes: list[Change] = []
        self.carry = b""

    def scan(self, data: bytes | memoryview, end: int, tail: int) -> None:
        """Look through output that ends at offset `end`; `tail` is the oldest byte kept."""
        text = self.carry + bytes(data) if self.carry else data
        for match in CHANGE.finditer(text):
            self.changes.append((end, match[1], match[2] == b"h"))
        rest = bytes(text[-LONGEST:])
        start = rest.rfind(b"\x1b")
        self.carry = rest[start:] if start >= 0 and not CHANGE.match(rest, start) else b""
        if len(self.changes) > KEPT:
            self.settle(tail)

    def settle(self, tail: int) -> None:
        """Fold the changes no replay can begin before, and never keep more than a few."""
        while self.changes and (self.changes[0][0] <= tail or len(self.changes) > 4 * KEPT):
            apply(self.settled, self.changes.pop(0))

    def at(self, offset: int) -> dict[bytes, bool]:
        """The modes in force at an offset."""
        modes = dict(self.settled)
        for change in self.changes:
            if change[0] > offset:
                break
            apply(modes, change)
        return modes

    def prelude(self, offset: int) -> str:
        """The sequences that bring a fresh terminal to the modes in force at an offset."""
        return "".join(f"\x1b[?{number.decode()}{'h' if on else 'l'}" for number, on in self.at(offset).items())

    def alternate(self, offset: int) -> bool:
        """Is a full-screen program (an editor, a pager) on the screen?"""
        return not ALTERNATE.isdisjoint(self.at(offset))


def apply(modes: dict[bytes, bool], change: Change) -> None:
    """Bring one change into a set of modes; those at their default are left out."""
    _, numbers, on = change
    if numbers is None:
        modes.clear()
        return
    for number in filter(None, numbers.split(b";")):
        if on == (number in ON_BY_DEFAULT):
            modes.pop(number, None)
        elif len(modes) < KEPT:
            modes[number] = on
