"""From a tar stream to files, entry by entry, inside the jail.

What an honest layer never does is refused, with the entry and the reason: `..` in a name, a way
through a symbolic link, a hard link to what is not in the layer, whiteouts that name nothing, owners
that no sandbox has. What is only of no use in a sandbox is left out and noted: device nodes,
attributes that would instruct overlayfs. Whiteouts are only listed: making them overlayfs's own
needs rights that nobody in here has.

See tar(5), layer.md of the image specification.
"""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from runtime.errors import VitrineError
from runtime.image.files import is_directory, kind_of, mtime, shown, write_file
from runtime.image.layer import OPAQUE_MARK, WHITEOUT
from runtime.image.streams import Stream

XATTR = "SCHILY.xattr."
HEADERS = 1 << 20
NOTES = 20


@dataclass(frozen=True)
class Limits:
    """What one archive may ask for."""

    bytes: int = 8 << 30
    entries: int = 100_000
    depth: int = 100
    seconds: float = 300.0


@dataclass
class Report:
    """What was in the stream, and what must still be done by someone with more rights."""

    diff_id: str = ""
    size: int = 0
    entries: int = 0
    whiteouts: list[str] = field(default_factory=list)
    opaque: list[str] = field(default_factory=list)
    implied: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Report:
        return cls(**json.loads(data))


class _Bounded:
    """The stream as tarfile sees it; a header that never ends is stopped here."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.allowed = HEADERS

    def read(self, size: int) -> bytes:
        self.allowed -= size
        if self.allowed < 0:
            raise VitrineError(f"after {self.stream.size} bytes comes a header of more than {HEADERS >> 20} MiB")
        return self.stream.read(size)


@dataclass
class Unpacker:
    """Fills the current root directory. `keep(name)` may leave entries out."""

    limits: Limits
    keep: Callable[[str], bool] = lambda name: True
    report: Report = field(default_factory=Report)
    known: set[str] = field(default_factory=set)
    directories: dict[str, tarfile.TarInfo] = field(default_factory=dict)
    implied: dict[str, None] = field(default_factory=dict)

    def run(self, stream: Stream) -> Report:
        bounded = _Bounded(stream)
        try:
            with tarfile.open(fileobj=bounded, mode="r|", bufsize=16384) as tar:  # type: ignore[call-overload]
                self._entries(tar, bounded)
        except tarfile.TarError as error:
            raise VitrineError(f"it is no whole tar archive: {error}") from error
        except (RecursionError, SystemError) as error:  # CPython 3.11 may lose the first and report the second
            raise VitrineError(f"after {stream.size} bytes come too many headers for one entry") from error
        self._finish_directories()
        stream.drain()
        self.report.diff_id = f"sha256:{stream.sum.hexdigest()}"
        self.report.size = stream.size
        self.report.implied = list(self.implied)
        return self.report

    def _entries(self, tar: tarfile.TarFile, bounded: _Bounded) -> None:
        for member in tar:
            self.report.entries += 1
            if self.report.entries > self.limits.entries:
                raise VitrineError(f"it has more than {self.limits.entries} entries")
            bounded.allowed = HEADERS + member.size
            try:
                self._entry(tar, member)
            except OSError as error:
                raise VitrineError(f"entry {shown(member.name)}: {error.strerror or error}") from error
            except VitrineError as error:
                raise VitrineError(f"entry {shown(member.name)}: {error}") from error
            vars(tar)["members"] = []  # tarfile remembers every entry; a stream needs none

    def _entry(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        path = self.clean(member.name)
        self._check(member, path)
        base = os.path.basename(path)
        if not path:
            if not member.isdir():
                raise VitrineError("it would replace the root directory")
        elif base.startswith(WHITEOUT):
            self._whiteout(os.path.dirname(path), base)
        elif self.keep(path):
            self._parents(os.path.dirname(path))
            self._make(tar, member, path)

    def clean(self, name: str) -> str:
        """The name below the root, without dots and doubled slashes; '' is the root itself."""
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if ".." in parts:
            raise VitrineError("'..' in a name leads out of the layer")
        if "\0" in name:
            raise VitrineError("a name with a NUL")
        if len(parts) > self.limits.depth:
            raise VitrineError(f"it is deeper than {self.limits.depth} directories")
        if any(len(os.fsencode(part)) > 255 for part in parts):
            raise VitrineError("a name of more than 255 bytes")
        if any(part.startswith(WHITEOUT) for part in parts[:-1]):
            raise VitrineError(f"a directory that begins with {WHITEOUT}")
        return "/".join(parts)

    def _check(self, member: tarfile.TarInfo, path: str) -> None:
        if member.size < 0 or member.size > self.limits.bytes:
            raise VitrineError(f"a size of {member.size} bytes")
        if not (0 <= member.uid < 65536 and 0 <= member.gid < 65536):
            raise VitrineError(f"its owner {member.uid}:{member.gid} is not in 0..65535")

    def _whiteout(self, directory: str, base: str) -> None:
        if base == OPAQUE_MARK:
            if not directory:
                raise VitrineError("it would hide the whole root directory")
            self.report.opaque.append(directory)
        elif base.startswith(f"{WHITEOUT}{WHITEOUT}"):
            self._note(f"{shown(base)}: aufs's own bookkeeping, left out")
            return
        else:
            name = base.removeprefix(WHITEOUT)
            if name in ("", ".", ".."):
                raise VitrineError("a whiteout that names nothing")
            self.report.whiteouts.append(f"{directory}/{name}" if directory else name)
        self._parents(directory)

    def _parents(self, directory: str) -> None:
        """Make sure that every directory on the way is one, and not a link to one."""
        if not directory or directory in self.known:
            return
        self._parents(os.path.dirname(directory))
        try:
            mode = os.lstat(directory).st_mode
        except FileNotFoundError:
            os.mkdir(directory, 0o755)
            self.implied[directory] = None
        else:
            if not is_directory(mode):
                raise VitrineError(f"{shown(directory)} on its way is no directory but {kind_of(mode)}")
        self.known.add(directory)

    def _make(self, tar: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
        if member.isdir():
            self._directory(member, path)
            return
        if member.ischr() or member.isblk():
            self._note(f"{shown(path)}: a device node, left out")
            return
        if member.islnk():
            self._link(member, path)
            return
        self._clear(path)
        if member.issym():
            os.symlink(member.linkname, path)
        elif member.isfifo():
            os.mkfifo(path)
        elif member.isreg():
            write_file(tar, member, path)
        else:
            raise VitrineError(f"its type {member.type!r} is unknown")
        self._dress(member, path)

    def _directory(self, member: tarfile.TarInfo, path: str) -> None:
        if not (os.path.lexists(path) and is_directory(os.lstat(path).st_mode)):
            self._clear(path)
            os.mkdir(path)
        self.implied.pop(path, None)
        self.known.add(path)
        self.directories[path] = member
        self._dress(member, path)

    def _link(self, member: tarfile.TarInfo, path: str) -> None:
        target = self.clean(member.linkname)
        if target == path:
            raise VitrineError("a hard link to itself")
        self._way_to(os.path.dirname(target))
        if not os.path.lexists(target):
            raise VitrineError(f"a hard link to {shown(target)}, which is not in this layer before it")
        if is_directory(os.lstat(target).st_mode):
            raise VitrineError(f"a hard link to the directory {shown(target)}")
        self._clear(path)
        os.link(target, path, follow_symlinks=False)

    def _way_to(self, directory: str) -> None:
        """Like _parents, for a way that must exist already."""
        way = ""
        for part in directory.split("/") if directory else ():
            way = f"{way}/{part}" if way else part
            if os.path.lexists(way) and not is_directory(os.lstat(way).st_mode):
                raise VitrineError(f"{shown(way)} on the way to its target is no directory")

    def _clear(self, path: str) -> None:
        """An entry replaces what an earlier one of its name made, but never a directory that has something in it."""
        try:
            mode = os.lstat(path).st_mode
        except FileNotFoundError:
            return
        if is_directory(mode):
            os.rmdir(path)
            self.known.discard(path)
            self.directories.pop(path, None)
        else:
            os.unlink(path)

    def _dress(self, member: tarfile.TarInfo, path: str) -> None:
        """Owner, then mode (a new owner takes setuid away), then attributes, then time."""
        os.chown(path, member.uid, member.gid, follow_symlinks=False)
        if not member.issym():
            os.chmod(path, member.mode & 0o7777)
            self._attributes(member, path)
        nanoseconds = mtime(member)
        os.utime(path, ns=(nanoseconds, nanoseconds), follow_symlinks=False)

    def _attributes(self, member: tarfile.TarInfo, path: str) -> None:
        for key, value in member.pax_headers.items():
            name = key.removeprefix(XATTR)
            if name == key:
                continue
            if name == "security.capability" or (name.startswith("user.") and not name.startswith("user.overlay.")):
                os.setxattr(path, name, value.encode("utf-8", "surrogateescape"), follow_symlinks=False)
            else:
                self._note(f"{shown(path)}: attribute {shown(name)}, left out")

    def _finish_directories(self) -> None:
        """Filling a directory changed its time; deepest first."""
        for path in sorted(self.directories, reverse=True):
            nanoseconds = mtime(self.directories[path])
            os.utime(path, ns=(nanoseconds, nanoseconds), follow_symlinks=False)

    def _note(self, text: str) -> None:
        if len(self.report.notes) < NOTES:
            self.report.notes.append(text)
