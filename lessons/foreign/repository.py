"""Files of a repository that nobody has vouched for.

Every path an author writes is looked at twice: as words, which may not lead out of the
scenario (or, for pictures, out of the repository), and after the kernel has followed all
symbolic links, which may not lead out of the repository. Only regular files are opened, never a
pipe that would block or a device, and no more of them is read than the limit.
"""

import os
import posixpath
import stat
from dataclasses import dataclass
from pathlib import Path

from lessons.foreign.notes import Kind, Notes

TEXT_LIMIT = 256 << 10
FILE_LIMIT = 8 << 20  # what one `put` into a sandbox takes
TREE_LIMIT = 5000  # files looked at under one assets/ directory


@dataclass(frozen=True)
class Repository:
    """One directory, from which nothing leads out."""

    root: Path

    @classmethod
    def at(cls, path: Path) -> "Repository":
        """The repository in that directory; links above it are the operator's own."""
        return cls(Path(os.path.realpath(path)))

    def name(self, path: Path) -> str:
        """A path as the report writes it: relative to the repository."""
        return os.path.relpath(path, self.root)

    def locate(self, base: Path, words: str, within: Path | None = None) -> Path | None:
        """The file meant by an author's words, or None if they lead out of `within`."""
        within = within or base
        if not words or "\0" in words or "\\" in words or words.startswith(("/", "~")) or len(words) > 1024:
            return None
        path = Path(posixpath.normpath(base.as_posix() + "/" + words))
        if not path.is_relative_to(within):
            return None
        return path if self.holds(path) else None

    def holds(self, path: Path) -> bool:
        """Does the path stay inside once all links are followed?"""
        try:
            return Path(os.path.realpath(path)).is_relative_to(self.root)
        except (OSError, ValueError):
            return False

    def read(self, path: Path, limit: int = TEXT_LIMIT) -> bytes:
        """The bytes of a regular file; OSError for anything else, or when it is too large."""
        if not self.holds(path):
            raise PermissionError(f"{self.name(path)} leads out of the repository")
        handle = os.open(os.path.realpath(path), os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise OSError("not a regular file")
            data = file.read(limit + 1)
        if len(data) > limit:
            raise OSError(f"larger than {limit >> 10} KiB")
        return data

    def text(self, path: Path, notes: Notes, limit: int = TEXT_LIMIT) -> str | None:
        """A text file with LF line ends; None, and a note, if it cannot be had."""
        try:
            return decoded(self.read(path, limit), self.name(path), notes)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            notes.add(Kind.BROKEN, self.name(path), 1, f"cannot be read: {reason}")
            return None

    def tree(self, directory: Path) -> list[str]:
        """All regular files under a directory, relative to it, sorted; links out are left out."""
        found: list[str] = []
        for parent, directories, files in os.walk(directory):
            directories.sort()
            here = [Path(parent, name) for name in files]
            found += [os.path.relpath(path, directory) for path in here if self._regular(path)]
            if len(found) > TREE_LIMIT:
                break
        return sorted(found)[:TREE_LIMIT]

    def _regular(self, path: Path) -> bool:
        try:
            return self.holds(path) and stat.S_ISREG(path.stat().st_mode)
        except (OSError, ValueError):
            return False


def decoded(data: bytes, file: str, notes: Notes) -> str:
    """UTF-8, tolerant: a byte order mark and CR LF are dropped, a wrong byte is shown as such."""
    text = data.decode("utf-8-sig", "replace")
    bad = text.find("\N{REPLACEMENT CHARACTER}")
    if bad >= 0 and b"\xef\xbf\xbd" not in data:
        line = text.count("\n", 0, bad) + 1
        notes.add(Kind.BROKEN, file, line, "not UTF-8; the wrong bytes are shown as \ufffd")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
