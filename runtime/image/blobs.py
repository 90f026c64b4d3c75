"""An OCI image layout on disk: blobs under their digests, and an index that gives them names.

    oci-layout              the version of the layout
    index.json              names → manifests
    blobs/sha256/<hex>      manifests, configurations and layers, never changed

A blob gets its name by rename(2) after its last byte was digested, so a name without its bytes
cannot be. `index.json` is replaced whole: a reader sees the old list or the new one.

See image-layout.md of the image specification; skopeo(1) reads the directory as `oci:DIRECTORY:NAME`.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from runtime.errors import NotFoundError, VitrineError
from runtime.image import beneath
from runtime.oci.digest import Descriptor, digest_of
from runtime.oci.manifest import LARGEST_DOCUMENT, Index

VERSION = {"imageLayoutVersion": "1.0.0"}
_CHUNK = 1 << 20


class Blobs:
    """The blobs and the index of one layout. Reading needs no right but to read."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.place = directory / "blobs" / "sha256"
        self._index = directory / "index.json"

    def path(self, descriptor: Descriptor) -> Path:
        return self.place / descriptor.hex

    def has(self, descriptor: Descriptor) -> bool:
        """Whether a file of this name and size is there; its content is what `verify` looks at."""
        try:
            return self.path(descriptor).lstat().st_size == descriptor.size
        except FileNotFoundError:
            return False

    def read(self, descriptor: Descriptor) -> bytes:
        """A small blob (a manifest, a configuration), verified."""
        if descriptor.size > LARGEST_DOCUMENT:
            raise VitrineError(f"{descriptor.digest}: {descriptor.size} bytes are too many for a document")
        try:
            data = beneath.read(self.place, descriptor.hex, descriptor.size)
        except FileNotFoundError as error:
            raise NotFoundError(f"{descriptor.digest} is missing in {self.place}: import or build the image again") from error
        if digest_of(data) != descriptor.digest:
            raise VitrineError(f"{descriptor.digest} in {self.place} holds other bytes: import or build the image again")
        return data

    def open(self, descriptor: Descriptor) -> int:
        """A descriptor (the kernel's) of a large blob."""
        try:
            return beneath.regular(self.place, descriptor.hex)
        except FileNotFoundError as error:
            raise NotFoundError(f"{descriptor.digest} is missing in {self.place}: import or build the image again") from error

    def add(self, data: bytes, media_type: str) -> Descriptor:
        """Keep a small blob."""
        descriptor = Descriptor(media_type, digest_of(data), len(data))
        if not self.has(descriptor):
            self.place.mkdir(parents=True, exist_ok=True)
            fd, name = tempfile.mkstemp(prefix=".new-", dir=self.place)
            with os.fdopen(fd, "wb") as file:
                file.write(data)
                os.fchmod(fd, 0o644)
                file.flush()
                os.fsync(fd)
            os.rename(name, self.path(descriptor))
        return descriptor

    def adopt(self, file: Path, descriptor: Descriptor) -> None:
        """Give a finished file on the same file system its name; the caller has digested it."""
        self.place.mkdir(parents=True, exist_ok=True)
        file.chmod(0o644)
        file.rename(self.path(descriptor))

    def take_over(self, other: Blobs) -> None:
        """Move every blob of another layout on the same file system here; they were digested there."""
        self.place.mkdir(parents=True, exist_ok=True)
        for path in other.place.iterdir():
            path.rename(self.place / path.name)

    def copy_in(self, fd: int, descriptor: Descriptor, scratch: Path) -> None:
        """Keep what is read from `fd`, if it has the digest and size announced."""
        if self.has(descriptor):
            return
        temporary = scratch / descriptor.hex
        with temporary.open("wb") as out, os.fdopen(os.dup(fd), "rb") as source:
            digest, size = _copy(source, out, descriptor.size)
        if size != descriptor.size:
            raise VitrineError(f"blob {descriptor.digest} has {size} bytes or more, not {descriptor.size}")
        if digest != descriptor.digest:
            raise VitrineError(f"blob {descriptor.digest} holds other bytes: they have {digest}")
        self.adopt(temporary, descriptor)

    def check(self, descriptor: Descriptor) -> str:
        """What is wrong with a blob, in words; '' if nothing is."""
        try:
            fd = self.open(descriptor)
        except (OSError, VitrineError) as error:
            return str(error)
        with os.fdopen(fd, "rb") as file:
            digest, size = _copy(file, None, descriptor.size)
        return "" if (digest, size) == (descriptor.digest, descriptor.size) else f"{descriptor.digest} holds other bytes"

    def index(self) -> Index:
        try:
            return Index.from_bytes(self._index.read_bytes())
        except FileNotFoundError:
            return Index()

    def write_index(self, index: Index) -> None:
        """Replace the index; only while holding `locked`."""
        self._replace(self.directory / "oci-layout", json.dumps(VERSION).encode())
        self._replace(self._index, index.to_bytes())

    def _replace(self, path: Path, data: bytes) -> None:
        new = path.with_name(f".{path.name}.new")
        with new.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.rename(path)

    @contextlib.contextmanager
    def locked(self, name: str = ".lock", mode: int = fcntl.LOCK_EX) -> Iterator[None]:
        """Take turns by flock(2): the kernel frees the lock when its holder ends.

        It is given back and not only closed: a process forked meanwhile has it too.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / name).open("a") as lock:
            fcntl.flock(lock, mode)
            try:
                yield
            finally:
                fcntl.flock(lock, fcntl.LOCK_UN)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """A directory on the store's file system, closed to others; gone afterwards.

        While it is there, `collect` waits: what was added and has no name yet is not garbage.
        """
        with self.locked(".writers", fcntl.LOCK_SH):
            path = Path(tempfile.mkdtemp(prefix=".building-", dir=self.directory))
            try:
                yield path
            finally:
                shutil.rmtree(path, ignore_errors=True)


def _copy(source: IO[bytes], out: IO[bytes] | None, most: int) -> tuple[str, int]:
    """Copy and digest; stops one byte after `most`."""
    total, size = hashlib.sha256(), 0
    while data := source.read(min(_CHUNK, most + 1 - size)):
        total.update(data)
        size += len(data)
        if out is not None:
            out.write(data)
        if size > most:
            break
    return f"sha256:{total.hexdigest()}", size
