"""A layer from a tree: the same tree always gives the same tar, bit for bit.

Entries are sorted by name, times are whole seconds (no later than `newest`, if given), owners are
numbers as the image sees them, and names of users are left out. overlayfs's own marks become
the image specification's: a character device 0/0 is the file `.wh.NAME`, and a directory with
the attribute `trusted.overlay.opaque` holds `.wh..wh..opq`.

The tree may be the upper directory of a living sandbox, whose owner swaps a directory for a
symbolic link while we read. So every step down is an openat(2) with O_NOFOLLOW from the fd above.

See layer.md of the image specification, overlayfs (kernel documentation), pax in pax(1).
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import struct
import tarfile
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from runtime.errors import VitrineError

OPAQUE = ("trusted.overlay.opaque", "user.overlay.opaque")
MOVED = ("trusted.overlay.redirect", "trusted.overlay.metacopy", "user.overlay.redirect", "user.overlay.metacopy")
WHITEOUT = ".wh."
OPAQUE_MARK = ".wh..wh..opq"
DEEPEST = 256
_CHUNK = 1 << 20
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# struct vfs_cap_data of linux/capability.h: revision 3 is revision 2 and the host's id of its root.
_REVISION_3, _REVISION_2 = 0x03000000, 0x02000000


class Sink(Protocol):
    """Where bytes go: a file, or only a digest."""

    def write(self, data: bytes, /) -> object: ...


@dataclass(frozen=True)
class Ids:
    """The host ids a tree's owners lie in: id `base` on disk is 0 in the image."""

    base: int = 0
    count: int = 65536

    def inside(self, number: int, path: str) -> int:
        if not self.base <= number < self.base + self.count:
            raise VitrineError(f"{path!r} belongs to id {number}, which is not in {self.base}..{self.base + self.count - 1}")
        return number - self.base


@dataclass(frozen=True)
class Summary:
    """What was written: digest of the tar (the diffID), its bytes, entries, and the newest time in it."""

    diff_id: str
    size: int
    entries: int


class Hashing:
    """A sink that digests what passes through."""

    def __init__(self, sink: Sink | None) -> None:
        self.sink = sink
        self.sum = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        self.sum.update(data)
        self.size += len(data)
        if self.sink is not None:
            self.sink.write(data)


@dataclass
class _Writer:
    """The walk. `links` remembers the first name of each file with several."""

    out: Hashing
    ids: Ids
    newest: int | None
    without: Collection[str] = ()
    links: dict[tuple[int, int], str] = field(default_factory=dict)
    entries: int = 0

    def directory(self, fd: int, path: str, depth: int) -> None:
        """Everything in an open directory, in the order of the names' bytes."""
        if depth > DEEPEST:
            raise VitrineError(f"{path[:80]!r}… is nested deeper than {DEEPEST} directories")
        for name in sorted(os.listdir(fd), key=os.fsencode):
            whole = f"{path}/{name}" if path else name
            if whole not in self.without:
                self.entry(fd, name, whole, depth)

    def entry(self, parent: int, name: str, path: str, depth: int) -> None:
        info = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if stat.S_ISDIR(info.st_mode):
            self._enter(parent, name, path, depth)
        elif stat.S_ISREG(info.st_mode):
            self._file(parent, name, path)
        elif stat.S_ISLNK(info.st_mode):
            self.head(path, info, tarfile.SYMTYPE, target=os.readlink(name, dir_fd=parent))
        elif stat.S_ISCHR(info.st_mode) and info.st_rdev == 0:
            self.mark(os.path.join(os.path.dirname(path), WHITEOUT + name))
        elif stat.S_ISFIFO(info.st_mode):
            self.head(path, info, tarfile.FIFOTYPE)
        # A socket has no form in a tar, and a device none in a sandbox: both are left out.

    def _enter(self, parent: int, name: str, path: str, depth: int) -> None:
        fd = os.open(name, _DIRECTORY, dir_fd=parent)
        try:
            info = os.fstat(fd)
            self.head(path, info, tarfile.DIRTYPE, attributes(fd, path))
            if any(_get(fd, name) == b"y" for name in OPAQUE):
                self.mark(f"{path}/{OPAQUE_MARK}")
            self.directory(fd, path, depth + 1)
        finally:
            os.close(fd)

    def _file(self, parent: int, name: str, path: str) -> None:
        fd = os.open(name, _FILE, dir_fd=parent)
        with os.fdopen(fd, "rb", buffering=0) as file:
            info = os.fstat(fd)
            if not stat.S_ISREG(info.st_mode):
                raise VitrineError(f"{path!r} changed its type while it was read")
            first = self.links.setdefault((info.st_dev, info.st_ino), path)
            if first != path:
                self.head(path, info, tarfile.LNKTYPE, target=first)
                return
            self.head(path, info, tarfile.REGTYPE, attributes(fd, path), size=info.st_size)
            self._content(file, info.st_size, path)

    def _content(self, file: IO[bytes], size: int, path: str) -> None:
        left = size
        while left:
            data = file.read(min(_CHUNK, left))
            if not data:
                raise VitrineError(f"{path!r} became shorter while it was read")
            self.out.write(data)
            left -= len(data)
        self.out.write(bytes(-size % 512))

    def mark(self, path: str) -> None:
        """A whiteout: an empty file of root's. When a file was deleted is not part of an image."""
        self.entries += 1
        self.out.write(header(path, tarfile.REGTYPE, 0o600, 0, 0, 0))

    def head(
        self,
        path: str,
        info: os.stat_result,
        kind: bytes,
        attributes: dict[str, bytes] | None = None,
        target: str = "",
        size: int = 0,
    ) -> None:
        if os.path.basename(path).startswith(WHITEOUT):
            raise VitrineError(f"{path!r}: names that begin with {WHITEOUT} are the image format's own")
        self.entries += 1
        owner = self.ids.inside(info.st_uid, path), self.ids.inside(info.st_gid, path)
        mode = stat.S_IMODE(info.st_mode)
        self.out.write(header(path, kind, mode, *owner, self._time(info), size, target, attributes or {}))

    def _time(self, info: os.stat_result) -> int:
        seconds = max(0, int(info.st_mtime))
        return seconds if self.newest is None else min(seconds, self.newest)


def header(
    path: str,
    kind: bytes,
    mode: int,
    uid: int,
    gid: int,
    mtime: int,
    size: int = 0,
    target: str = "",
    attributes: dict[str, bytes] | None = None,
) -> bytes:
    """One entry's blocks: a ustar header, and a pax one before it for what does not fit."""
    name = path + "/" if kind == tarfile.DIRTYPE else path
    pax = {f"SCHILY.xattr.{key}".encode(): value for key, value in (attributes or {}).items()}
    if len(os.fsencode(name)) > 100 or not name.isascii():
        pax[b"path"] = os.fsencode(name)
        name = "long"
    if len(os.fsencode(target)) > 100 or not target.isascii():
        pax[b"linkpath"] = os.fsencode(target)
        target = "long"
    if size >= 1 << 33:
        pax[b"size"] = str(size).encode()
    main = _ustar(name, kind, mode, uid, gid, mtime, 0 if b"size" in pax else size, target)
    if not pax:
        return main
    body = b"".join(_record(key, pax[key]) for key in sorted(pax))
    return _ustar("pax", tarfile.XHDTYPE, 0o644, 0, 0, 0, len(body), "") + body + bytes(-len(body) % 512) + main


def _ustar(name: str, kind: bytes, mode: int, uid: int, gid: int, mtime: int, size: int, target: str) -> bytes:
    """512 bytes, as POSIX has them since 1988; the checksum counts itself as eight blanks."""
    fields = (
        name.encode(),
        b"%07o" % mode,
        b"%07o" % uid,
        b"%07o" % gid,
        b"%011o" % size,
        b"%011o" % mtime,
        b" " * 8,
        kind,
        target.encode(),
        b"ustar\x0000",
    )
    block = bytearray(struct.pack("100s8s8s8s12s12s8sc100s8s247x", *fields))
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def _record(key: bytes, value: bytes) -> bytes:
    """`LENGTH KEY=VALUE\\n`, where the length counts its own digits."""
    size = len(key) + len(value) + 3
    total = size + len(str(size))
    if len(str(total)) != len(str(size)):
        total = size + len(str(total))
    return b"%d %s=%s\n" % (total, key, value)


def attributes(fd: int, path: str) -> dict[str, bytes]:
    """The extended attributes that belong to the image; a capability without the host's id in it."""
    found = {}
    for name in sorted(os.listxattr(fd)):
        if name in MOVED:
            raise VitrineError(f"{path!r} has {name}: the overlay was mounted with redirect_dir or metacopy")
        if name.startswith("user.") and not name.startswith("user.overlay."):
            found[name] = os.getxattr(fd, name)
        elif name == "security.capability":
            found[name] = _without_root(os.getxattr(fd, name))
    return found


def _get(fd: int, name: str) -> bytes | None:
    try:
        return os.getxattr(fd, name)
    except OSError as error:
        if error.errno not in (errno.ENODATA, errno.ENOTSUP):
            raise
        return None


def _without_root(value: bytes) -> bytes:
    """File capabilities of revision 3 name a host id; the image's are revision 2, for whoever is root there."""
    (magic,) = struct.unpack_from("<I", value)
    if magic & 0xFF000000 != _REVISION_3:
        return value
    return struct.pack("<I", magic & 0xFFFFFF | _REVISION_2) + value[4:20]


def write_layer(
    source: Path, sink: Sink | None, ids: Ids | None = None, newest: int | None = None, without: Collection[str] = ()
) -> Summary:
    """Write the tree as a tar, or with no sink only digest it. `newest`: no time is later (seconds).
    Paths in `without`, and what is below them, are left out."""
    out = Hashing(sink)
    writer = _Writer(out, ids or Ids(), newest, without)
    fd = os.open(source, _DIRECTORY)
    try:
        writer.directory(fd, "", 0)
    finally:
        os.close(fd)
    out.write(bytes(1024))
    return Summary(f"sha256:{out.sum.hexdigest()}", out.size, writer.entries)
