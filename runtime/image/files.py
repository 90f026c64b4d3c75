"""Single files of an archive: their bytes, their times, and how to speak of them.

Nothing in here decides whether an entry may be; `unpack` does.

See lseek(2) on holes, tar(5) and pax in pax(1) for times.
"""

from __future__ import annotations

import os
import tarfile
from typing import Any

from runtime.errors import VitrineError

BLOCK = 4096


def write_file(tar: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
    """The content; blocks of zeros are stepped over and stay holes, so a sparse file stays sparse."""
    source: Any = tar.extractfile(member)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        written = 0
        while data := source.read(BLOCK * 64):
            put(fd, data, written)
            written += len(data)
        if written != member.size:
            raise VitrineError(f"it ends after {written} of {member.size} bytes")
        os.ftruncate(fd, written)
    finally:
        os.close(fd)


def put(fd: int, data: bytes, offset: int) -> None:
    """Write all but the blocks that are zeros: one write if there are none."""
    zeros = bytes(BLOCK)
    if zeros not in data:
        os.pwrite(fd, data, offset)
        return
    for start in range(0, len(data), BLOCK):
        block = data[start : start + BLOCK]
        if block != zeros[: len(block)]:
            os.pwrite(fd, block, offset + start)


def mtime(member: tarfile.TarInfo) -> int:
    """Nanoseconds; a pax header has them as a decimal fraction, which a float would blur."""
    text = member.pax_headers.get("mtime", "")
    whole, _, part = text.partition(".")
    if whole.isdecimal() and (part.isdecimal() or not part):
        return min(int(whole[:12]), 1 << 33) * 1_000_000_000 + int((part + "0" * 9)[:9])
    return min(max(0, int(member.mtime)), 1 << 33) * 1_000_000_000


def is_directory(mode: int) -> bool:
    return mode & 0o170000 == 0o040000


def kind_of(mode: int) -> str:
    return "a symbolic link" if mode & 0o170000 == 0o120000 else "a file"


def shown(name: str) -> str:
    """A stranger's name as it may be printed: escaped and short."""
    text = ascii(name)
    return text if len(text) <= 120 else text[:117] + "…'"
