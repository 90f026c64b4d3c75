"""The digest of a tree: one name for everything a directory holds.

Two trees with the same names, modes, owners, links and bytes have the same digest, so a layer
can be named by what it is. Times are left out on purpose: they differ from build to build and
no lesson depends on them. This is not an OCI diffID, which is the digest of a *tar* of the tree.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path


def _entries(root: Path) -> Iterator[Path]:
    """Every path under the root, in an order that does not depend on the file system."""
    for directory, names, files in os.walk(root):
        names.sort()
        links = [name for name in names if os.path.islink(os.path.join(directory, name))]
        for name in sorted(files + names):
            yield Path(directory, name)
        for name in links:
            names.remove(name)


def _content(path: Path, mode: int) -> bytes:
    if stat.S_ISLNK(mode):
        return os.fsencode(os.readlink(path))
    if stat.S_ISREG(mode):
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    return b""


def tree_digest(root: Path) -> str:
    """The sha256, in hexadecimal, of the names, modes, owners and contents under `root`."""
    total = hashlib.sha256()
    for path in _entries(root):
        info = os.lstat(path)
        name = os.fsencode(path.relative_to(root))
        head = b"%s\0%o %d %d\0" % (name, info.st_mode, info.st_uid, info.st_gid)
        total.update(head + _content(path, info.st_mode) + b"\n")
    return total.hexdigest()
