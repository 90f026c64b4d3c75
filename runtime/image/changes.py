"""What a sandbox changed: its upper directory, compared with the layers below.

overlayfs copies a file up before its first write, a directory as soon as anything in it changes;
a deleted name is a whiteout. So the upper directory *is* the list of changes, and docker's
`diff` is a walk through it. What the runtime itself puts there to make a sandbox of an image (the
host's names, directories to mount on) nobody changed: it is part of no list and no layer.

See overlayfs (kernel documentation), docker's manual of `diff`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from runtime.image import beneath
from runtime.image.layer import Ids
from runtime.image.merged import Merged

WRITTEN = frozenset({"etc/hostname", "etc/hosts"})
MOUNTED = ("proc", "sys", "dev", "run", "etc")
Change = tuple[str, str]


def of_the_runtime(upper: Path, lower: Merged, ids: Ids) -> frozenset[str]:
    """The paths in an upper directory that are the runtime's doing."""
    return WRITTEN | {name for name in MOUNTED if _only_ours(upper, lower, name, ids)}


def _only_ours(upper: Path, lower: Merged, name: str, ids: Ids) -> bool:
    """A directory with nothing else in it, that below has the same owner and mode or is not."""
    info = beneath.status(upper, name)
    if info is None or not stat.S_ISDIR(info.st_mode):
        return False
    fd = beneath.directory(upper, name)
    try:
        if {f"{name}/{each}" for each in os.listdir(fd)} - WRITTEN:
            return False
    finally:
        os.close(fd)
    below = lower.find(name)
    if below is None:
        return True
    owners = (below[1].st_uid + ids.base, below[1].st_gid + ids.base)
    return (below[1].st_mode, *owners) == (info.st_mode, info.st_uid, info.st_gid)


def changes(upper: Path, lower: Merged, ids: Ids) -> Iterator[Change]:
    """('A' added, 'C' changed or 'D' deleted, absolute path), in the order of the names."""
    without = of_the_runtime(upper, lower, ids)
    fd = beneath.directory(upper, "")
    try:
        yield from _below(fd, "", lower, without)
    finally:
        os.close(fd)


def _below(fd: int, path: str, lower: Merged, without: frozenset[str]) -> Iterator[Change]:
    for name in sorted(os.listdir(fd), key=os.fsencode):
        whole = f"{path}/{name}" if path else name
        if whole in without:
            continue
        info = os.stat(name, dir_fd=fd, follow_symlinks=False)
        if stat.S_ISCHR(info.st_mode) and info.st_rdev == 0:
            yield "D", f"/{whole}"
            continue
        yield ("C" if lower.find(whole) else "A"), f"/{whole}"
        if stat.S_ISDIR(info.st_mode):
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
            try:
                yield from _below(below, whole, lower, without)
            finally:
                os.close(below)
