"""The bytes of an archive, unpacked by the piece and counted, whatever they are packed with.

A gzip file of one megabyte may hold a gigabyte of nothing. So the reader asks for pieces of a
bounded size, digests what comes out (the diffID), and stops at a number of bytes or at a ratio that
no honest layer reaches.

See gzip (RFC 1952). zstd (RFC 8878) is not in Python's library before 3.14: its own program does
it, as nobody, with no network.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import resource
import shutil
import subprocess
import zlib
from collections.abc import Iterator

from runtime.errors import VitrineError
from runtime.linux import constants as c
from runtime.linux import syscalls

MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
PIECE = 1 << 16
# Zeros shrink a thousandfold, so a ratio means little in a small archive.
INNOCENT = 256 << 20
RATIO = 200
NOBODY = 65534


class Stream:
    """A file object for tarfile's stream mode: read() and nothing else."""

    def __init__(self, fd: int, packing: str, most: int) -> None:
        self._fd = fd
        self._undecided = packing == "any"
        self._zlib = zlib.decompressobj(31) if packing in ("gzip", "any") else None
        self._most = most
        self._rest = b""
        self._buffer = b""
        self._packed = 0
        self._ended = False
        self.sum = hashlib.sha256()
        self.size = 0

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes, or fewer at the end."""
        if self._undecided:
            self._decide()
        while len(self._buffer) < size and (data := self._piece()):
            self._buffer += data
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def drain(self) -> None:
        """Read to the end: the diffID is of all bytes, padding included."""
        self._buffer = b""
        while self._piece():
            pass

    def _decide(self) -> None:
        """A pipe cannot be looked into beforehand: its first bytes decide."""
        self._undecided = False
        self._rest = os.read(self._fd, PIECE)
        self._packed = len(self._rest)
        packing = packing_of(self._rest)
        if packing == "zstd":
            raise VitrineError("a pipe packed with zstd: give a file, or unpack it with zstd -d on the way")
        if packing == "none":
            self._zlib = None
            self._buffer, self._rest = self._rest, b""
            self.sum.update(self._buffer)
            self.size += len(self._buffer)

    def _piece(self) -> bytes:
        data = self._inflate() if self._zlib else os.read(self._fd, PIECE)
        self.sum.update(data)
        self.size += len(data)
        if self.size > self._most:
            raise VitrineError(f"it unpacks to more than {self._most} bytes")
        if self._zlib and self.size > INNOCENT and self.size > RATIO * self._packed:
            raise VitrineError(f"{self._packed} bytes unpack to more than {RATIO} times as many")
        return data

    def _inflate(self) -> bytes:
        """The next piece of a gzip stream; members may follow each other."""
        while not self._ended:
            raw = self._rest or os.read(self._fd, PIECE)
            self._packed += 0 if self._rest else len(raw)
            assert self._zlib is not None
            if not raw:
                self._finish()
                return b""
            if self._zlib.eof:
                self._zlib = zlib.decompressobj(31)
            try:
                data = self._zlib.decompress(raw, PIECE)
            except zlib.error as error:
                raise VitrineError(f"its gzip is broken after {self.size} bytes: {error}") from error
            self._rest = self._zlib.unconsumed_tail or self._zlib.unused_data
            if data:
                return data
        return b""

    def _finish(self) -> None:
        self._ended = True
        if self._zlib is not None and not self._zlib.eof:
            raise VitrineError(f"its gzip ends in the middle, after {self.size} bytes")


def packing_of(head: bytes) -> str:
    """How bytes beginning so are packed; refused if we cannot unpack it."""
    packing = next((name for magic, name in MAGIC.items() if head.startswith(magic)), "none")
    if packing in ("bzip2", "xz"):
        raise VitrineError(f"it is packed with {packing}, which images are not: unpack it first")
    return packing


@contextlib.contextmanager
def unzstd(fd: int, packing: str) -> Iterator[tuple[int, str]]:
    """The descriptor to read and what is still to do: a pipe from zstd(1) if that is the packing."""
    if packing != "zstd":
        yield fd, packing
        return
    if shutil.which("zstd") is None:
        raise VitrineError("it is packed with zstd: apt-get install zstd, or export it with gzip")
    command = ["zstd", "-dc", "-q", "--memory=128MB"]
    with subprocess.Popen(command, stdin=fd, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=_humble) as program:
        assert program.stdout is not None
        try:
            yield program.stdout.fileno(), "none"
        finally:
            program.stdout.close()
            program.kill()


def _humble() -> None:
    """Become nobody: no network, no files but those handed over, little memory."""
    syscalls.unshare(c.CLONE_NEWNET | c.CLONE_NEWIPC)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    syscalls.prctl(c.PR_SET_NO_NEW_PRIVS, 1)
