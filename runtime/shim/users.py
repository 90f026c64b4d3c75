"""Who a command runs as: a name or number looked up in the sandbox's own /etc/passwd.

The file belongs to the guest, who may have made it anything: a symbolic link to the host's,
a FIFO nobody writes to, a gigabyte. It is opened with its path resolved inside the sandbox's
root, never across a mount, and only its first 64 KiB are believed.

See openat2(2), passwd(5).
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from dataclasses import dataclass, replace

from runtime.errors import RefusedError

LARGEST = 64 * 1024
SYS_OPENAT2 = 437  # the same on every architecture: it is younger than the common table
RESOLVE_NO_XDEV, RESOLVE_NO_MAGICLINKS, RESOLVE_IN_ROOT = 0x01, 0x02, 0x10

libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class User:
    """What a process needs to know of its user."""

    name: str
    uid: int
    gid: int
    home: str
    groups: tuple[int, ...] = ()


ROOT = User("root", 0, 0, "/root")


def open_in_root(root: int, path: str) -> int:
    """Open for reading, with `root` as the root directory of the whole path walk."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    how = struct.pack("QQQ", flags, 0, RESOLVE_IN_ROOT | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS)
    fd = libc.syscall(SYS_OPENAT2, root, path.encode(), how, len(how))
    if fd < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"openat2: {os.strerror(code)}", path)
    return int(fd)


def read_inside(init_pid: int, path: str) -> bytes:
    """The start of a regular file inside the sandbox."""
    root = os.open(f"/proc/{init_pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fd = open_in_root(root, path)
    finally:
        os.close(root)
    with os.fdopen(fd, "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return b""
        return file.read(LARGEST) or b""


def parse(passwd: bytes, wanted: str) -> User | None:
    """The line of passwd(5) with this name or number."""
    for line in passwd.decode(errors="replace").splitlines():
        fields = line.split(":")
        if len(fields) == 7 and wanted in (fields[0], fields[2]):
            uid, gid = fields[2], fields[3]
            if uid.isdecimal() and gid.isdecimal() and max(int(uid), int(gid)) < 65536:
                return User(fields[0], int(uid), int(gid), fields[5] or "/")
    return None


def groups_of(group: bytes, name: str) -> tuple[int, ...]:
    """The groups of group(5) that list this user."""
    found = []
    for line in group.decode(errors="replace").splitlines():
        fields = line.split(":")
        if len(fields) == 4 and name in fields[3].split(",") and fields[2].isdecimal():
            found.append(min(int(fields[2]), 65535))
    return tuple(found[:32])


def look_up(init_pid: int, wanted: str) -> User:
    """The user, or a refusal; root and plain numbers need no entry."""
    if wanted in ("root", "0", ""):
        return ROOT
    try:
        user = parse(read_inside(init_pid, "/etc/passwd"), wanted)
        if user is not None:
            user = replace(user, groups=groups_of(read_inside(init_pid, "/etc/group"), user.name))
    except OSError:
        user = None
    if user is None and wanted.isdecimal() and int(wanted) < 65536:
        user = User(wanted, int(wanted), int(wanted), "/")
    if user is None:
        raise RefusedError("no-user", None, f"{wanted!r} is no user of this sandbox")
    return user
