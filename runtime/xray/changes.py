"""What the guest changed: its upper layer, compared with the layers below.

overlayfs copies a file up before it is changed, so whatever lies in the upper directory was
made, changed or deleted by the guest. A deleted file leaves a *whiteout*, a character device
0:0 that hides the file below; a directory deleted and made again is marked opaque. This is the
place to read it: inside, an overlay shows no whiteouts.

Every name here is the guest's choice, and it may change under our eyes. So no path is ever
put together: directories are opened one by one, relative to the one above and never through a
link, in the upper layer and in the lower ones side by side. A walk is paused when its time is
over and goes on in the next look. It keeps the newest changes and stops after so many names,
since the disk itself knows how many files it holds: a million cost no more than thousands.

See the kernel's overlayfs.rst, openat(2), xattr(7).
"""

from __future__ import annotations

import contextlib
import heapq
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from runtime.xray.text import clean

MOST = 500
MOST_SEEN = 20_000
DEEPEST = 48
SLICE = 64  # names between two looks at the clock
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
TYPES = {
    stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink", stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket", stat.S_IFCHR: "device", stat.S_IFBLK: "device",
}  # fmt: skip


@dataclass
class Pass:
    """One walk through the whole upper layer."""

    found: dict[str, dict[str, Any]] = field(default_factory=dict)
    ages: list[tuple[float, str]] = field(default_factory=list)  # a heap, the oldest first
    dropped: int = 0
    seen: int = 0
    stopped: bool = False

    def keep(self, path: str, facts: dict[str, Any], age: float) -> None:
        """Add a change; when there are too many, the oldest goes."""
        if path in self.found:
            self.dropped += 1  # two names that are shown alike
            return
        self.found[path] = facts
        heapq.heappush(self.ages, (age, path))
        if len(self.ages) > MOST:
            del self.found[heapq.heappop(self.ages)[1]]
            self.dropped += 1

    def left_out(self, files: int) -> int:
        """How many changes are not shown; `files` is what the disk says it holds."""
        return max(self.dropped, files - len(self.found)) if self.stopped else self.dropped


@dataclass
class Changes:
    """Walks the upper layer a slice at a time and keeps the last whole result."""

    upper: str
    lowers: list[str]
    inside_id: Callable[[int], int | None]
    done: Pass = field(default_factory=Pass)
    walk: Iterator[None] | None = None
    current: Pass = field(default_factory=Pass)

    def look(self, seconds: float) -> Pass:
        """Walk on for so long; the last walk that came to its end (or, before there is one, this)."""
        deadline = time.monotonic() + seconds
        if self.walk is None:
            self.current = Pass()
            self.walk = self._all(self.current)
        for _ in self.walk:
            if time.monotonic() > deadline:
                return self.done if self.done.seen else self.current
        self.walk, self.done = None, self.current
        return self.done

    @property
    def under_way(self) -> bool:
        """Is there more to walk?"""
        return self.walk is not None

    def close(self) -> None:
        """Let go of the directories a paused walk holds open."""
        if self.walk is not None:
            self.walk.close()  # type: ignore[attr-defined]
            self.walk = None

    def _all(self, into: Pass) -> Iterator[None]:
        with contextlib.ExitStack() as opened:
            upper = _opened(opened, self.upper, None)
            lowers = [_opened(opened, path, None) for path in self.lowers]
            if upper is not None:
                yield from self._directory(into, upper, [fd for fd in lowers if fd is not None], "", 0)

    def _directory(self, into: Pass, upper: int, lowers: list[int], path: str, depth: int) -> Iterator[None]:
        """Everything in one directory, and below it."""
        with os.scandir(upper) as entries:
            for entry in entries:
                into.seen += 1
                if into.seen > MOST_SEEN:
                    into.stopped = True
                    return
                if into.seen % SLICE == 0:
                    yield
                with contextlib.suppress(OSError):  # it went while we looked
                    yield from self._entry(into, upper, lowers, entry.name, path, depth)

    def _entry(self, into: Pass, upper: int, lowers: list[int], name: str, path: str, depth: int) -> Iterator[None]:
        facts = os.stat(name, dir_fd=upper, follow_symlinks=False)
        below = _below(lowers, name)
        shown = f"{path}/{clean(os.fsencode(name), 120)}"
        if not stat.S_ISDIR(facts.st_mode):
            self._note(into, shown, facts, _change(facts, below))
            return
        with contextlib.ExitStack() as opened:
            inner = _opened(opened, name, upper)
            if inner is None:
                return
            opaque = _opaque(inner)
            change = "replaced" if opaque and below else _change(facts, below)
            # A directory is copied up because of what is in it; that alone is no change of its own.
            if below is None or change == "replaced" or _differs(facts, below):
                self._note(into, shown, facts, change)
            deeper = [] if opaque else [fd for each in lowers if (fd := _opened(opened, name, each)) is not None]
            if depth < DEEPEST:
                yield from self._directory(into, inner, deeper, shown, depth + 1)
            else:
                into.stopped = True

    def _note(self, into: Pass, path: str, facts: os.stat_result, change: str) -> None:
        """Add one change."""
        path = path if len(path) <= 400 else path[:399] + "…"
        gone = change == "deleted"
        row = {
            "path": path, "change": change,
            "type": "whiteout" if gone else TYPES.get(stat.S_IFMT(facts.st_mode), "file"),
            "size_bytes": 0 if gone else facts.st_size, "mode": None if gone else stat.filemode(facts.st_mode),
            "uid": None if gone else self.inside_id(facts.st_uid), "gid": None if gone else self.inside_id(facts.st_gid),
            "modified": None if gone else round(facts.st_mtime, 3),
        }  # fmt: skip
        into.keep(path, row, facts.st_ctime)


def _opened(opened: contextlib.ExitStack, name: str, directory: int | None) -> int | None:
    """A directory, closed with the stack; None if there is none of that name."""
    try:
        fd = os.open(name, DIRECTORY, dir_fd=directory)
    except OSError:
        return None
    opened.callback(os.close, fd)
    return fd


def _below(lowers: list[int], name: str) -> os.stat_result | None:
    """The same name in the highest layer that has it; a whiteout there hides those further down."""
    for directory in lowers:
        with contextlib.suppress(OSError):
            facts = os.stat(name, dir_fd=directory, follow_symlinks=False)
            return None if _whiteout(facts) else facts
    return None


def _whiteout(facts: os.stat_result) -> bool:
    return stat.S_ISCHR(facts.st_mode) and facts.st_rdev == 0


def _change(facts: os.stat_result, below: os.stat_result | None) -> str:
    if _whiteout(facts):
        return "deleted"
    if below is None:
        return "added"
    return "changed" if stat.S_IFMT(facts.st_mode) == stat.S_IFMT(below.st_mode) else "replaced"


def _differs(facts: os.stat_result, below: os.stat_result) -> bool:
    return (facts.st_mode, facts.st_uid, facts.st_gid) != (below.st_mode, below.st_uid, below.st_gid)


def _opaque(directory: int) -> bool:
    """The mark that nothing of the layers below shows through."""
    for name in ("trusted.overlay.opaque", "user.overlay.opaque"):
        with contextlib.suppress(OSError):
            return os.getxattr(directory, name) == b"y"
    return False
