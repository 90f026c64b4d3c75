"""Ranges of user ids: every container is mapped to 65536 host ids that nobody else has.

If two containers shared a range, a process of one could signal the other's (were it ever to see
it), and the kernel's counters per user would add them up: the first takes every inotify
instance and the second gets none.

A lease is a file named after the range that holds the container's id, made by link(2), which
is atomic and refuses an existing name. See user_namespaces(7).
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from runtime.errors import ExistsError
from runtime.paths import Paths

SIZE = 65536
LAST = 1 << 31  # kernels before 6.8 read the ids in a mount's options as signed numbers


def first_uid() -> int:
    return int(os.environ.get("VITRINE_UID_BASE", "1879048192"))


def count() -> int:
    return int(os.environ.get("VITRINE_RANGES", "4096"))


def lease(paths: Paths, identifier: str) -> int:
    """Take a free range for this container and return its first host id."""
    paths.ranges.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = paths.ranges / f".{identifier}.{os.getpid()}"
    draft.write_text(identifier)
    try:
        taken = set(os.listdir(paths.ranges))
        for number in range(count()):
            if str(number) in taken:
                continue
            if first_uid() + (number + 1) * SIZE > LAST:
                raise ExistsError(f"the ranges of user ids end at {LAST}: lower VITRINE_UID_BASE or VITRINE_RANGES")
            with contextlib.suppress(FileExistsError):
                os.link(draft, paths.ranges / str(number))
                return first_uid() + number * SIZE
    finally:
        draft.unlink()
    raise ExistsError(f"all {count()} ranges of user ids are taken")


def transfer(paths: Paths, uid: int, identifier: str) -> None:
    """Write another holder's name into the lease of the range that begins at this host id."""
    draft = paths.ranges / f".{identifier}.{os.getpid()}"
    draft.write_text(identifier)
    os.replace(draft, paths.ranges / str((uid - first_uid()) // SIZE))


def release(paths: Paths, identifier: str) -> None:
    """Give back whatever range this container holds, and drafts it left; safe to repeat."""
    for file in paths.ranges.iterdir() if paths.ranges.is_dir() else ():
        if file.name.startswith(f".{identifier}.") or _holder(file) == identifier:
            file.unlink(missing_ok=True)


def _holder(file: Path) -> str | None:
    try:
        return file.read_text() if file.name.isdecimal() else None
    except OSError:
        return None
