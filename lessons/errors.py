"""What is wrong with a lesson, and where.

Every fault carries file and line; a reader of lessons collects all of them, because an
author who fixes one mistake per run gives up before the fifth.
"""

from collections.abc import Iterable
from pathlib import Path


class LessonError(Exception):
    """One fault at one place of one lesson file."""

    def __init__(self, file: Path, line: int, message: str) -> None:
        super().__init__(f"{file}:{line}: {message}")
        self.file = file
        self.line = line
        self.message = message


class LessonNote(LessonError):
    """Something an author should know, with which the lesson works all the same."""


class LessonErrors(Exception):
    """All the faults of one lesson file, in the order of their lines."""

    def __init__(self, errors: Iterable[LessonError]) -> None:
        self.errors = tuple(sorted(errors, key=lambda error: (str(error.file), error.line)))
        super().__init__("\n".join(str(error) for error in self.errors))


class Faults:
    """A collector handed to every reader of a part of the lesson."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.errors: list[LessonError] = []

    def elsewhere(self, file: Path) -> "Faults":
        """The same collection, for another file of the same lesson."""
        other = Faults(file)
        other.errors = self.errors
        return other

    def add(self, line: int, message: str) -> None:
        """Note one fault and let the reading go on."""
        self.errors.append(LessonError(self.file, line, message))

    def raise_if_any(self) -> None:
        """Stop here when anything was wrong."""
        if self.errors:
            raise LessonErrors(self.errors)


class LessonNotFound(LookupError):
    """No such course or lesson."""
