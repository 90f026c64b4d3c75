"""Unpacking behind walls: an archive decides names, owners and links, so it gets no way out.

An entry called `../../etc/passwd`, or a link to / followed by a file through it, makes a plain
extraction as root write outside its directory. Here the extracting process has the directory as
its root, no network, and of root's capabilities only those that set owners and modes: there is
nothing outside for a name to reach, and no capability to leave by.

Everything is imported before chroot(2): a module found afterwards would be the archive's.

See chroot(2), capabilities(7), mount_namespaces(7).
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import tarfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import IO

from runtime.linux import constants as c
from runtime.linux import syscalls
from runtime.linux.capabilities import NUMBERS

KEEP = ("chown", "dac_override", "fowner", "fsetid")
_VERSION_3 = 0x20080522
# Names that Debian made links into /usr; a package may still ship the old ones.
MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")


def start(root: Path, archive: IO[bytes], wanted: Callable[[str], bool]) -> int:
    """Fork a process that unpacks the tar stream into `root`; returns its pid for waitpid(2)."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        _enter(root)
        _extract(archive, wanted)
        status = 0
    except BaseException:
        traceback.print_exc(file=sys.stderr)
    finally:
        os._exit(status)


def _enter(root: Path) -> None:
    """Leave the host: its mounts, its network, its tree, its capabilities; in this order."""
    syscalls.unshare(c.CLONE_NEWNS | c.CLONE_NEWNET)
    os.chroot(root)
    os.chdir("/")
    _keep_capabilities()


def _keep_capabilities() -> None:
    """capset(2): the two halves of each 64-bit set, effective, permitted and inheritable."""
    mask = sum(1 << NUMBERS[name] for name in KEEP)
    header = ctypes.create_string_buffer(struct.pack("=Ii", _VERSION_3, 0))
    data = ctypes.create_string_buffer(struct.pack("=6I", mask, mask, 0, 0, 0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(header, data):
        number = ctypes.get_errno()
        raise OSError(number, f"capset: {os.strerror(number)}")


def _extract(archive: IO[bytes], wanted: Callable[[str], bool]) -> None:
    os.umask(0)
    with tarfile.open(fileobj=archive, mode="r|") as tar:
        if hasattr(tarfile, "fully_trusted_filter"):
            tar.extraction_filter = staticmethod(tarfile.fully_trusted_filter)
        for member in tar:
            if _relocate(member) and wanted(member.name):
                _place(tar, member)


def merged(name: str) -> str:
    """The path where a file lives once /bin is a link to /usr/bin."""
    name = os.path.normpath(name).lstrip("/")
    return f"usr/{name}" if name.split("/", 1)[0] in MERGED else name


def _relocate(member: tarfile.TarInfo) -> bool:
    """Rewrite a member for merged /usr; False for those that would replace the links."""
    member.name = merged(member.name)
    if member.islnk():
        member.linkname = merged(member.linkname)
    return member.name not in (".", "", *(f"usr/{name}" for name in MERGED)) and not member.isdev()


def _place(tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    """Later packages win over earlier files, but a directory that exists stays as it is."""
    if os.path.lexists(member.name):
        if member.isdir():
            return
        os.unlink(member.name)
    tar.extract(member, numeric_owner=True)
