"""Several layers as one tree, read the way overlayfs would show it, with nothing mounted.

A name is looked for from the highest layer down; a whiteout ends the search, and so does an opaque
directory. Symbolic links are followed as if the tree were the root directory: what a link calls
`/etc` is the tree's, and `..` stops at its top. So COPY into /bin of a system whose /bin is a link
arrives in /usr/bin, and nothing arrives, or comes from, outside.

See overlayfs (kernel documentation), path_resolution(7).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from runtime.errors import VitrineError
from runtime.image import beneath
from runtime.image.layer import OPAQUE

MOST_LINKS = 40


class Merged:
    """Trees, lowest first. Paths are relative, '' is the top. Reads only."""

    def __init__(self, trees: Sequence[Path]) -> None:
        self.trees = list(trees)
        self._stacks: dict[str, list[Path]] = {"": self.trees[::-1]}

    def find(self, path: str) -> tuple[Path, os.stat_result] | None:
        """The tree that has it and what it is; a link itself, not its target. Ways through links lead nowhere."""
        if not path:
            return (self.trees[-1], os.lstat(self.trees[-1])) if self.trees else None
        for tree in self._stack(os.path.dirname(path)):
            info = beneath.status(tree, path)
            if info is not None:
                return None if _is_whiteout(info) else (tree, info)
        return None

    def is_directory(self, path: str) -> bool:
        found = self.find(path)
        return not path or (found is not None and stat.S_ISDIR(found[1].st_mode))

    def names(self, path: str) -> list[str]:
        """What is in a directory, sorted."""
        seen: dict[str, bool] = {}
        for tree in self._stack(path):
            fd = beneath.directory(tree, path)
            try:
                for name in os.listdir(fd):
                    seen.setdefault(name, not _is_whiteout(os.stat(name, dir_fd=fd, follow_symlinks=False)))
            finally:
                os.close(fd)
        return sorted((name for name, there in seen.items() if there), key=os.fsencode)

    def resolve(self, path: str) -> str:
        """The same path without links and dots; what does not exist is taken as it is written."""
        done: list[str] = []
        left = path.split("/")[::-1]
        links = 0
        while left:
            part = left.pop()
            if part in ("", "."):
                continue
            if part == "..":
                del done[-1:]
                continue
            found = self.find("/".join([*done, part]))
            if found is None or not stat.S_ISLNK(found[1].st_mode):
                done.append(part)
                continue
            links += 1
            if links > MOST_LINKS:
                raise VitrineError(f"{path[:80]!r} goes through more than {MOST_LINKS} symbolic links")
            target = self.link(found[0], "/".join([*done, part]))
            done = [] if target.startswith("/") else done
            left += target.split("/")[::-1]
        return "/".join(done)

    def link(self, tree: Path, path: str) -> str:
        """Where a symbolic link points."""
        fd = beneath.directory(tree, os.path.dirname(path))
        try:
            return os.readlink(os.path.basename(path), dir_fd=fd)
        finally:
            os.close(fd)

    def read(self, path: str, most: int) -> bytes:
        """A small file of the tree, links followed; b'' if there is none."""
        path = self.resolve(path)
        found = self.find(path)
        if found is None or not stat.S_ISREG(found[1].st_mode):
            return b""
        return beneath.read(found[0], path, most)

    def _stack(self, path: str) -> list[Path]:
        """The trees that a directory is merged from, highest first."""
        if path not in self._stacks:
            stack: list[Path] = []
            for tree in self._stack(os.path.dirname(path)):
                info = beneath.status(tree, path)
                if info is None:
                    continue
                if not stat.S_ISDIR(info.st_mode):
                    break
                stack.append(tree)
                if _is_opaque(tree, path):
                    break
            self._stacks[path] = stack
        return self._stacks[path]


def _is_whiteout(info: os.stat_result) -> bool:
    return stat.S_ISCHR(info.st_mode) and info.st_rdev == 0


def _is_opaque(tree: Path, path: str) -> bool:
    fd = beneath.directory(tree, path)
    try:
        return any(name in OPAQUE and os.getxattr(fd, name) == b"y" for name in os.listxattr(fd))
    finally:
        os.close(fd)
