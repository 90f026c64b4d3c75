"""Opening what lies below a directory, when a stranger made what lies there.

`open(tree / name)` follows every symbolic link on the way, and the tree's maker chose them. Here
each part of the name is opened from the descriptor before it, and no link is followed; a name with
`..` has no meaning. What is opened as a file is a file: a fifo would make us wait for ever.

See openat(2), path_resolution(7), symlink(7).
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from runtime.errors import VitrineError

_STEP = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def directory(root: Path, name: str) -> int:
    """A descriptor of the directory `name` below `root`; OSError if it is none, or reached by a link."""
    fd = os.open(root, _STEP)
    for part in _parts(name):
        try:
            below = os.open(part, _STEP, dir_fd=fd)
        finally:
            os.close(fd)
        fd = below
    return fd


def status(root: Path, name: str) -> os.stat_result | None:
    """What is at `name`, itself and not what it points to; None if nothing is."""
    parent, _, last = name.rpartition("/")
    try:
        fd = directory(root, parent)
    except OSError:
        return None
    try:
        return os.stat(last, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        return None
    finally:
        os.close(fd)


def regular(root: Path, name: str) -> int:
    """A descriptor of the regular file `name` below `root`."""
    parent, _, last = name.rpartition("/")
    up = directory(root, parent)
    try:
        fd = os.open(last, _FILE, dir_fd=up)
    finally:
        os.close(up)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise VitrineError(f"{name[:80]!r} is not a regular file")
    return fd


def read(root: Path, name: str, most: int) -> bytes:
    """The content of a small regular file; refused if it is longer than `most` bytes."""
    with os.fdopen(regular(root, name), "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise VitrineError(f"{name[:80]!r} is longer than {most} bytes")
    return data


def _parts(name: str) -> list[str]:
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts or any("\0" in part for part in parts):
        raise VitrineError(f"{name[:80]!r} leads out of its directory")
    return parts
