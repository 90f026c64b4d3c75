"""Times in a tree: what packages brought is kept, what the clock added is cut.

Two builds of the same packages must be the same bytes. The files of a package carry the time of
the package; directories, links and written files carry that of the build. So nothing in an image
is later than its newest packaged file: the idea of SOURCE_DATE_EPOCH, with a date that needs no setting.

See https://reproducible-builds.org/specs/source-date-epoch/.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def newest_file(root: Path) -> int:
    """The latest time of any regular file below, in seconds."""
    times = (entry.stat(follow_symlinks=False).st_mtime for entry in _entries(root) if entry.is_file(follow_symlinks=False))
    return max((int(time) for time in times), default=0)


def clamp(root: Path, newest: int) -> None:
    """Set every later time to `newest` (seconds); contents before their directory."""
    for entry in _entries(root):
        if entry.stat(follow_symlinks=False).st_mtime_ns > newest * 1_000_000_000:
            os.utime(entry.path, (newest, newest), follow_symlinks=False)


def _entries(root: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(root) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(Path(entry.path))
            yield entry
