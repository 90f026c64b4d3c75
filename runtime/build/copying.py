"""COPY and ADD: a layer written straight as a tar, from names and bytes, into no tree at all.

A copy as root into a tree that strangers made follows their links; a tar follows none, and what
unpacks it later is behind walls. Where the files go is looked up in the layers below as the
image's own processes would see them. Times are the build's, for a checkout of the same files an
hour later is the same input; so the digest of the tar is all that a cache has to know.

See "COPY" in the reference of the Dockerfile format.
"""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runtime.errors import VitrineError
from runtime.image import beneath
from runtime.image.layer import DEEPEST, Hashing, Sink, Summary, attributes, header
from runtime.image.merged import Merged

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Item:
    """What to copy: a path in a tree, or (tree None) a text of the Containerfile's own."""

    tree: Merged | None
    path: str
    data: bytes = b""
    contents: bool = False

    @property
    def is_directory(self) -> bool:
        return self.contents or (self.tree is not None and self.tree.is_directory(self.path))


@dataclass(frozen=True)
class Entry:
    """One file to be: its bytes are in a tree or here."""

    kind: bytes
    mode: int
    owner: tuple[int, int]
    time: int
    source: tuple[Merged, str] | None = None
    data: bytes = b""
    target: str = ""


@dataclass
class Copy:
    """The layer of one COPY. `chown` and `chmod` None: root's, and as they were; `keep`: the tree's own owners."""

    lower: Merged
    time: int
    chown: tuple[int, int] | None = None
    chmod: int | None = None
    keep: bool = False
    keep_times: bool = False
    ignored: Callable[[str], bool] = lambda path: False
    entries: dict[str, Entry] = field(default_factory=dict)

    def add(self, items: Sequence[Item], target: str) -> None:
        """Plan the copy of all items to an absolute path."""
        as_directory = target.endswith(("/", "/.")) or len(items) > 1
        place = self.lower.resolve(target)
        if len(items) > 1 and not (target.endswith("/") or self.lower.is_directory(place)):
            raise VitrineError(f"several files go into a directory: write {target}/")
        for item in items:
            if item.is_directory:
                self._directory(item, place)
            elif as_directory or self.lower.is_directory(place):
                self._make_way(place)
                name = os.path.basename(item.path)
                self._one(item, self.lower.resolve(f"{place}/{name}"))
            else:
                self._make_way(os.path.dirname(place))
                self._one(item, place)

    def directory(self, path: str) -> None:
        """WORKDIR: make a directory unless it is there."""
        self._make_way(self.lower.resolve(path))

    def _make_way(self, place: str) -> None:
        """Directories that the layers below have not."""
        if not place or place in self.entries:
            return
        self._make_way(os.path.dirname(place))
        found = self.lower.find(place)
        if found is None:
            self.entries[place] = Entry(tarfile.DIRTYPE, 0o755, self.chown or (0, 0), self.time)
        elif not stat.S_ISDIR(found[1].st_mode):
            raise VitrineError(f"/{place} is no directory in the image")

    def _directory(self, item: Item, place: str) -> None:
        """What is in it goes to `place`; the directory itself is the image's."""
        assert item.tree is not None
        self._make_way(place)
        for name in item.tree.names(item.path):
            self._walk(item.tree, f"{item.path}/{name}".lstrip("/"), f"{place}/{name}".lstrip("/"), 0)

    def _walk(self, tree: Merged, path: str, place: str, depth: int) -> None:
        found = tree.find(path)
        if found is None or depth > DEEPEST:
            raise VitrineError(f"{path[:80]!r} went away, or is deeper than {DEEPEST} directories")
        is_directory = stat.S_ISDIR(found[1].st_mode)
        if not self.ignored(path):
            self._note(tree, path, place, found[1])
        if is_directory:
            for name in tree.names(path):
                self._walk(tree, f"{path}/{name}", f"{place}/{name}", depth + 1)

    def _one(self, item: Item, place: str) -> None:
        if self.lower.is_directory(place):
            raise VitrineError(f"/{place} is a directory in the image, and {item.path} none")
        if item.tree is None:
            self.entries[place] = Entry(tarfile.REGTYPE, self.chmod or 0o644, self.chown or (0, 0), self.time, data=item.data)
            return
        found = item.tree.find(item.path)
        if found is None:
            raise VitrineError(f"{item.path} is not there")
        self._note(item.tree, item.path, place, found[1])

    def _note(self, tree: Merged, path: str, place: str, info: os.stat_result) -> None:
        kind = _KINDS.get(stat.S_IFMT(info.st_mode))
        if kind is None:
            raise VitrineError(f"{path}: neither a file nor a directory nor a symbolic link; leave it out by .containerignore")
        self._make_way(os.path.dirname(place))
        below = self.lower.find(place)
        if below and stat.S_ISDIR(below[1].st_mode) and kind != tarfile.DIRTYPE:
            raise VitrineError(f"/{place} is a directory in the image, and {path} none")
        mode = stat.S_IMODE(info.st_mode) if self.chmod is None or kind == tarfile.DIRTYPE else self.chmod
        owner = (info.st_uid, info.st_gid) if self.keep else (0, 0)
        time = min(int(info.st_mtime), self.time) if self.keep_times else self.time
        target = tree.link(_tree_of(tree, path), path) if kind == tarfile.SYMTYPE else ""
        self.entries[place] = Entry(kind, mode, self.chown or owner, max(0, time), (tree, path), target=target)

    def write(self, sink: Sink | None) -> Summary:
        """The tar; parents come before what is in them. With no sink only its digest."""
        out = Hashing(sink)
        for place in sorted(self.entries, key=lambda path: [os.fsencode(part) for part in path.split("/")]):
            for data in _blocks(place, self.entries[place]):
                out.write(data)
        out.write(bytes(1024))
        return Summary(f"sha256:{out.sum.hexdigest()}", out.size, len(self.entries))


_KINDS = {stat.S_IFREG: tarfile.REGTYPE, stat.S_IFDIR: tarfile.DIRTYPE, stat.S_IFLNK: tarfile.SYMTYPE}


def _tree_of(tree: Merged, path: str) -> Path:
    found = tree.find(path)
    if found is None:
        raise VitrineError(f"{path} went away while it was read")
    return found[0]


def _blocks(place: str, entry: Entry) -> Iterator[bytes]:
    """An entry's header and bytes."""
    if entry.kind != tarfile.REGTYPE or entry.source is None:
        yield header(place, entry.kind, entry.mode, *entry.owner, entry.time, len(entry.data), entry.target)
        yield entry.data + bytes(-len(entry.data) % 512)
        return
    tree, path = entry.source
    with os.fdopen(beneath.regular(_tree_of(tree, path), path), "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        extra = attributes(file.fileno(), path)
        yield header(place, entry.kind, entry.mode, *entry.owner, entry.time, size, "", extra)
        left = size
        while left:
            data = file.read(min(_CHUNK, left))
            if not data:
                raise VitrineError(f"{path!r} became shorter while it was read")
            yield data
            left -= len(data)
        yield bytes(-size % 512)
