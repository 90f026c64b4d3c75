"""Applying a layer: its blob becomes a tree that overlayfs can stand on the layers below.

The jail makes the files and lists the marks. The marks are made here, because overlayfs reads
them from names that only the host's root may write: a whiteout is a character device 0/0, an
opaque directory has `trusted.overlay.opaque`. A directory that the layer did not describe gets the
owner and mode it has below, for the highest layer's directory is the one that shows.

See overlayfs (kernel documentation), "whiteouts and opaque directories".
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from runtime.image import beneath, jail
from runtime.image.layer import OPAQUE
from runtime.image.streams import Stream, packing_of, unzstd
from runtime.image.unpack import Limits, Report, Unpacker


def unpack(name: str, archive: int, root: Path, limits: Limits) -> Report:
    """Unpack an archive, whatever it is packed with, from a file's descriptor into `root`, in a jail."""
    packing = packing_of(os.pread(archive, 8, 0))
    os.lseek(archive, 0, os.SEEK_SET)
    return unpack_stream(name, archive, packing, root, limits)


def unpack_stream(name: str, archive: int, packing: str, root: Path, limits: Limits) -> Report:
    """The same for a stream that cannot be looked into."""
    with unzstd(archive, packing) as (fd, left):

        def work(stream: int) -> bytes:
            return Unpacker(limits).run(Stream(stream, left, limits.bytes)).to_bytes()

        cage = jail.start(name, root, fd, work, limits.bytes, int(limits.seconds))
        return Report.from_bytes(cage.result(limits.seconds))


def finish(root: Path, lower: Sequence[Path], report: Report) -> None:
    """Make overlayfs's own marks; `lower` are the layers below, lowest first."""
    for path in report.implied:
        _inherit(root, lower, path)
    for path in report.opaque:
        _set_opaque(root, path)
    for path in report.whiteouts:
        _whiteout(root, lower, path)


def _inherit(root: Path, lower: Sequence[Path], path: str) -> None:
    for layer in reversed(lower):
        info = beneath.status(layer, path)
        if info is None:
            continue
        if stat.S_ISDIR(info.st_mode):
            fd = beneath.directory(root, path)
            os.fchown(fd, info.st_uid, info.st_gid)
            os.fchmod(fd, stat.S_IMODE(info.st_mode))
            os.utime(fd, ns=(info.st_mtime_ns, info.st_mtime_ns))
            os.close(fd)
        return


def _set_opaque(root: Path, path: str) -> None:
    fd = beneath.directory(root, path)
    try:
        os.setxattr(fd, OPAQUE[0], b"y")
    finally:
        os.close(fd)


def _whiteout(root: Path, lower: Sequence[Path], path: str) -> None:
    """Hide what is below; where the layer has something of that name itself, only a directory needs it."""
    own = beneath.status(root, path)
    if own is not None:
        if stat.S_ISDIR(own.st_mode):
            _set_opaque(root, path)
        return
    if not any(beneath.status(layer, path) for layer in lower):
        return  # overlayfs shows a whiteout that hides nothing as a broken entry
    parent, _, name = path.rpartition("/")
    fd = beneath.directory(root, parent)
    try:
        times = os.fstat(fd).st_mtime_ns
        os.mknod(name, stat.S_IFCHR | 0o600, os.makedev(0, 0), dir_fd=fd)
        os.utime(fd, ns=(times, times))
    finally:
        os.close(fd)
