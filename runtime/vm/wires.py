"""Lines of text over a guest's control port, and what they mean on our side.

The port is one stream, so answers of commands that run at the same time are told apart by a number.
A guest is not trusted: a line is cut off at a length, and one that makes no sense is dropped.

See guest/agent.sh for the other end.
"""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

LONGEST = 32768  # also the longest that a guest writes to a virtio port at once


class Said(NamedTuple):
    """One line of the agent's: its first word and the rest."""

    verb: str
    words: tuple[str, ...] = ()

    @property
    def number(self) -> int | None:
        """The terminal or command it is about, or None if the guest wrote nonsense."""
        return int(self.words[0]) if self.words and self.words[0].isdecimal() and len(self.words[0]) < 10 else None

    @property
    def data(self) -> bytes:
        """The bytes of an `out` or `err` line; none if they are no base64."""
        try:
            return base64.b64decode(self.words[1], validate=True) if len(self.words) > 1 else b""
        except (binascii.Error, ValueError):
            return b""

    @property
    def status(self) -> int:
        """The exit status of a `done` or `closed` line; 255 if the guest wrote nonsense."""
        text = self.words[1] if len(self.words) > 1 else ""
        return int(text) if text.isdecimal() and len(text) < 4 and int(text) < 256 else 255


class Lines:
    """Splits what the port gives into lines, never keeping more than one longest line."""

    def __init__(self) -> None:
        self._rest = b""
        self._skipping = False

    def feed(self, data: bytes) -> list[Said]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if self._skipping and lines:
            lines, self._skipping = lines[1:], False
        if len(self._rest) > LONGEST:
            self._rest, self._skipping = b"", True
        return [_said(line) for line in lines if line and len(line) <= LONGEST]


def _said(line: bytes) -> Said:
    verb, *words = line.decode(errors="replace").split()[:4] or [""]
    return Said(verb, tuple(words))


def seconds(earlier: str, later: str) -> float:
    """Between two readings of /proc/uptime, as the guest gives them; 0 if they are nonsense."""
    try:
        return min(max(0.0, float(later) - float(earlier)), 3600.0)
    except ValueError:
        return 0.0


def encode(data: bytes) -> str:
    """Bytes as one word of a line."""
    return base64.b64encode(data).decode()
