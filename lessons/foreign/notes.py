"""Notes: one line of the import report for each thing that is not as its author meant it."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """How much of the lesson a note costs."""

    BROKEN = "broken"  # the author's mistake: a file that is not there, JSON that is none
    REFUSED = "refused"  # a path out of the repository, a file too large
    MISSING = "not available here"  # fine on its own platform; this site has no such thing
    CHANGED = "changed"  # it works, but as something else than what was written
    IGNORED = "ignored"  # a key without meaning here


@dataclass(frozen=True, order=True)
class Note:
    """One remark: the file is relative to the repository, lines count from 1."""

    file: str
    line: int
    kind: Kind
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.kind}: {self.message}"


LIMIT = 500  # a hostile file could otherwise fill the report


@dataclass
class Notes:
    """Collects notes and counts what was used."""

    notes: list[Note] = field(default_factory=list)
    used: Counter[str] = field(default_factory=Counter)
    image: str = ""  # the image wanted and the one taken

    def add(self, kind: Kind, file: str, line: int, message: str) -> None:
        """Note one thing, once, and let the reading go on."""
        note = Note(file, max(1, line), kind, _plain(message))
        if len(self.notes) < LIMIT and note not in self.notes:
            self.notes.append(note)

    def use(self, what: str, number: int = 1) -> None:
        """Count a construct that works here."""
        self.used[what] += number

    def of(self, *kinds: Kind) -> list[Note]:
        """The notes of these kinds, in the order of files and lines."""
        return sorted(note for note in self.notes if note.kind in kinds)


def _plain(text: str) -> str:
    """One printable line: a report is read in terminals, too."""
    return "".join(char if char.isprintable() else " " for char in text)[:300]
