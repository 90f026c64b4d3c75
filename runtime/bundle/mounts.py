"""The container's tree of mounts, as the bundle lists them.

A destination is a path inside a root file system that may be anyone's: a symbolic link there must not
lead a mount out of it. So every destination is walked with openat2(2) and RESOLVE_IN_ROOT, missing parts
are made one by one on the way, and the mount goes to the descriptor that came out, not to a path.

See mount(2), openat2(2), pivot_root(2), the options in config.md "Mounts".
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import stat
import struct
from pathlib import Path, PurePosixPath
from typing import Any

from runtime.bundle.groups import Groups
from runtime.errors import SpecError
from runtime.linux import constants as c
from runtime.linux import syscalls
from runtime.linux.cgroups import Hierarchy, hierarchies

MS_STRICTATIME, MS_RELATIME, MS_NOATIME, MS_NODIRATIME, MS_SYNCHRONOUS, MS_DIRSYNC = 1 << 24, 1 << 21, 1024, 2048, 16, 128
MS_SHARED, MS_SLAVE, MS_UNBINDABLE = 1 << 20, 1 << 19, 1 << 17
FLAGS = {
    "ro": c.MS_RDONLY, "nosuid": c.MS_NOSUID, "nodev": c.MS_NODEV, "noexec": c.MS_NOEXEC, "sync": MS_SYNCHRONOUS,
    "dirsync": MS_DIRSYNC, "noatime": MS_NOATIME, "nodiratime": MS_NODIRATIME, "relatime": MS_RELATIME,
    "strictatime": MS_STRICTATIME, "bind": c.MS_BIND, "rbind": c.MS_BIND | c.MS_REC, "remount": c.MS_REMOUNT,
}  # fmt: skip
CLEARED = {
    "rw": c.MS_RDONLY, "suid": c.MS_NOSUID, "dev": c.MS_NODEV, "exec": c.MS_NOEXEC, "async": MS_SYNCHRONOUS,
    "atime": MS_NOATIME, "diratime": MS_NODIRATIME, "norelatime": MS_RELATIME, "nostrictatime": MS_STRICTATIME,
}  # fmt: skip
PROPAGATION = {
    "private": c.MS_PRIVATE, "rprivate": c.MS_PRIVATE | c.MS_REC, "slave": MS_SLAVE, "rslave": MS_SLAVE | c.MS_REC,
    "shared": MS_SHARED, "rshared": MS_SHARED | c.MS_REC, "unbindable": MS_UNBINDABLE, "runbindable": MS_UNBINDABLE | c.MS_REC,
}  # fmt: skip
OURS = ("defaults", "tmpcopyup", "copy-symlink")  # said to engines or to other runtimes, not to the kernel
SYS_OPENAT2, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS = 437, 0x10, 0x02
O_PATH, MOST_LINKS = os.O_PATH | os.O_CLOEXEC, 255
_libc = ctypes.CDLL(None, use_errno=True)


def options(words: list[str]) -> tuple[int, list[int], str]:
    """The kernel's flags, the changes of propagation, and what the file system itself is told."""
    flags, propagation, data = 0, [], []
    for word in words:
        if word in FLAGS:
            flags |= FLAGS[word]
        elif word in CLEARED:
            flags &= ~CLEARED[word]
        elif word in PROPAGATION:
            propagation.append(PROPAGATION[word])
        elif word not in OURS:
            data.append(word)
    return flags, propagation, ",".join(data)


def resolve(root: int, path: str) -> int:
    """An O_PATH descriptor of a path below `root`, symbolic links kept inside; OSError as open(2)."""
    how = struct.pack("QQQ", O_PATH, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
    fd = _libc.syscall(SYS_OPENAT2, root, path.encode(), how, len(how))
    if fd < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)
    return int(fd)


def destination(root: int, path: str, *, directory: bool) -> int:
    """The same, with what is missing made on the way: directories, and at the end a file or a directory."""
    with contextlib.suppress(FileNotFoundError):
        return resolve(root, path)
    parts = [part for part in PurePosixPath(path).parts if part not in ("/", ".", "..")]
    here = os.dup(root)
    for number, part in enumerate(parts):
        there = "/".join(parts[: number + 1])
        try:
            following = resolve(root, there)
        except FileNotFoundError:
            _make(here, part, directory=directory or number < len(parts) - 1)
            following = resolve(root, there)
        os.close(here)
        here = following
    return here


def _make(parent: int, name: str, *, directory: bool) -> None:
    if directory:
        os.mkdir(name, 0o755, dir_fd=parent)
    else:
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644, dir_fd=parent))


def mount_all(rootfs: Path, entries: list[dict[str, Any]], groups: Groups | None = None) -> None:
    """Every mount of the bundle, in its order. `groups` are bound where the container has no cgroup
    namespace of its own: a fresh mount would show it everyone's."""
    for entry in entries:
        root = os.open(rootfs, O_PATH | os.O_DIRECTORY)
        try:
            _mount(root, entry, groups)
        except OSError as error:
            raise OSError(error.errno, f"mount {entry.get('source')} at {entry['destination']}: {error.strerror}") from error
        finally:
            os.close(root)


def _mount(root: int, entry: dict[str, Any], groups: Groups | None) -> None:
    kind, source = entry.get("type") or "", entry.get("source") or "none"
    flags, propagation, data = options(entry.get("options") or [])
    bind = bool(flags & c.MS_BIND) or kind == "bind"
    place = destination(root, entry["destination"], directory=not bind or os.path.isdir(source))
    target = f"/proc/self/fd/{place}"
    try:
        if bind:
            syscalls.mount(source, target, None, (flags & c.MS_REC) | c.MS_BIND)
            os.close(place)
            place = resolve(root, entry["destination"])  # what we hold is what lies below the new mount
            target = f"/proc/self/fd/{place}"
            _restrict(target, flags)
        elif kind == "cgroup":
            _mount_cgroups(root, entry["destination"], target, flags, groups)
        else:
            syscalls.mount(source, target, kind, flags, data or None)
        if propagation:
            os.close(place)
            place = resolve(root, entry["destination"])
        for change in propagation:
            syscalls.mount(None, f"/proc/self/fd/{place}", None, change)
    finally:
        os.close(place)


def _restrict(target: str, flags: int) -> None:
    """A bind takes over its source's flags; more can only be asked for by a second call. Those that the
    source has already must be said again, or a user namespace may not."""
    wanted = flags & ~(c.MS_BIND | c.MS_REC)
    if wanted:
        syscalls.mount(None, target, None, c.MS_BIND | c.MS_REMOUNT | wanted | kept(target))


def kept(path: str) -> int:
    """The flags that a mount has now, as mount(2) wants them."""
    found = os.statvfs(path).f_flag
    names = {os.ST_NOSUID: c.MS_NOSUID, os.ST_NODEV: c.MS_NODEV, os.ST_NOEXEC: c.MS_NOEXEC, os.ST_RDONLY: c.MS_RDONLY}
    return sum(flag for had, flag in names.items() if found & had)


def _mount_cgroups(root: int, path: str, target: str, flags: int, groups: Groups | None) -> None:
    """Version 2 alone, or a directory with version 1's trees beside each other."""
    trees = hierarchies()
    if all(tree.unified for tree in trees):
        _mount_tree(trees[0], target, flags, groups)
        place = resolve(root, path)
        _restrict(f"/proc/self/fd/{place}", flags)
        os.close(place)
        return
    syscalls.mount("tmpfs", target, "tmpfs", flags & ~c.MS_RDONLY, "mode=755,size=64k")
    place = resolve(root, path)
    try:
        for tree in trees:
            os.mkdir(tree.path.name, dir_fd=place)
            _mount_tree(tree, f"/proc/self/fd/{place}/{tree.path.name}", flags, groups)
            _restrict(f"/proc/self/fd/{place}/{tree.path.name}", flags)
        if flags & c.MS_RDONLY:
            syscalls.mount(None, f"/proc/self/fd/{place}", None, c.MS_REMOUNT | c.MS_BIND | flags)
    finally:
        os.close(place)


def _mount_tree(tree: Hierarchy, target: str, flags: int, groups: Groups | None) -> None:
    if groups is None:
        kind, data = ("cgroup2", None) if tree.unified else ("cgroup", tree.options)
        syscalls.mount(kind, target, kind, flags, data)
    else:
        syscalls.mount(str(tree.path / groups.relative), target, None, c.MS_BIND)


def change_root(rootfs: Path) -> None:
    """The new root is stacked on the old at the same place, and the old is let go; see pivot_root(2)."""
    root = os.open(rootfs, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    os.fchdir(root)
    syscalls.pivot_root(".", ".")
    syscalls.mount(None, ".", None, MS_SLAVE | c.MS_REC)
    syscalls.umount(".", c.MNT_DETACH)
    os.chdir("/")
    os.close(root)


def mask(paths: list[str]) -> None:
    """Cover files with /dev/null and directories with an empty tmpfs."""
    for path in paths:
        try:
            directory = stat.S_ISDIR(os.stat(path).st_mode)
        except FileNotFoundError:
            continue
        if directory:
            syscalls.mount("tmpfs", path, "tmpfs", c.MS_RDONLY, "size=0")
        else:
            syscalls.mount("/dev/null", path, None, c.MS_BIND)


def make_readonly(paths: list[str]) -> None:
    """Mount each path on itself, read-only."""
    for path in paths:
        try:
            syscalls.mount(path, path, None, c.MS_BIND | c.MS_REC)
        except OSError as error:
            if error.errno == errno.ENOENT:
                continue
            raise
        syscalls.mount(None, path, None, c.MS_BIND | c.MS_REMOUNT | c.MS_RDONLY | kept(path))


def propagation(name: str) -> int:
    """`linux.rootfsPropagation` as flags; SpecError for a word that is none."""
    if name not in PROPAGATION:
        raise SpecError("linux.rootfsPropagation", f"{name!r} is not one of {', '.join(PROPAGATION)}")
    return PROPAGATION[name]
