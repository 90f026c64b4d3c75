"""/dev of a bundle's container: the devices every program expects, those the bundle adds, the console.

In the first user namespace nodes can be made; in another mknod(2) is refused, and the host's nodes are
bound instead. Either way the kernel's device rules of the control group decide who may open them.

See config-linux.md "Default Devices", "Devices" and "Console"; mknod(2), pts(4).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import struct
import termios
from pathlib import Path
from typing import Any

from runtime.bundle import mounts
from runtime.errors import SpecError
from runtime.linux import constants as c
from runtime.linux import syscalls

TIOCGPTN = 0x80045430
DEFAULT = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}
TYPES = {"c": stat.S_IFCHR, "u": stat.S_IFCHR, "b": stat.S_IFBLK, "p": stat.S_IFIFO}


def make(rootfs: Path, wanted: list[dict[str, Any]], *, bind: bool) -> None:
    """All nodes and links, before the root is changed: then the host's nodes are still to be seen."""
    root = os.open(rootfs, mounts.O_PATH | os.O_DIRECTORY)
    try:
        nodes = [
            {"path": f"/dev/{name}", "type": "c", "major": major, "minor": minor} for name, (major, minor) in DEFAULT.items()
        ]
        listed = {device.get("path") for device in wanted}
        for device in [*(node for node in nodes if node["path"] not in listed), *wanted]:
            _make_node(root, device, bind=bind)
        _make_links(root)
    finally:
        os.close(root)


def _make_node(root: int, device: dict[str, Any], *, bind: bool) -> None:
    path, kind = device["path"], device.get("type", "")
    if kind not in TYPES:
        raise SpecError("linux.devices.type", f"{kind!r} of {path} is not one of {', '.join(TYPES)}")
    if bind:
        _bind_node(root, path)
        return
    parent, name = os.path.split(path)
    directory = mounts.destination(root, parent, directory=True)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=directory)
        number = os.makedev(device.get("major", 0), device.get("minor", 0))
        os.mknod(name, TYPES[kind] | device.get("fileMode", 0o666), number, dir_fd=directory)
        os.chmod(name, device.get("fileMode", 0o666), dir_fd=directory)
        os.chown(name, device.get("uid", 0), device.get("gid", 0), dir_fd=directory, follow_symlinks=False)
    finally:
        os.close(directory)


def _bind_node(root: int, path: str) -> None:
    place = mounts.destination(root, path, directory=False)
    try:
        syscalls.mount(path, f"/proc/self/fd/{place}", None, c.MS_BIND)
    finally:
        os.close(place)


def _make_links(root: int) -> None:
    directory = mounts.destination(root, "/dev", directory=True)
    try:
        for name, target in LINKS.items():
            with contextlib.suppress(FileExistsError):
                os.symlink(target, name, dir_fd=directory)
        with contextlib.suppress(FileNotFoundError):
            os.unlink("ptmx", dir_fd=directory)
        os.symlink("pts/ptmx", "ptmx", dir_fd=directory)
    finally:
        os.close(directory)


def terminal(width: int = 0, height: int = 0) -> tuple[int, int]:
    """A new terminal of the container's own devpts: (master, slave)."""
    master = os.open("/dev/pts/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    slave = os.open(f"/dev/pts/{_unlock(master)}", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    if width and height:
        termios.tcsetwinsize(slave, (height, width))
    return master, slave


def console(width: int = 0, height: int = 0) -> tuple[int, int]:
    """The same for the first process, whose terminal is also /dev/console."""
    master, slave = terminal(width, height)
    with contextlib.suppress(FileExistsError):
        os.close(os.open("/dev/console", os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    syscalls.mount(os.ttyname(slave), "/dev/console", None, c.MS_BIND)
    return master, slave


def _unlock(master: int) -> int:
    """What unlockpt(3) and ptsname(3) do."""
    fcntl.ioctl(master, c.TIOCSPTLCK, struct.pack("i", 0))
    return int(struct.unpack("I", fcntl.ioctl(master, TIOCGPTN, struct.pack("I", 0)))[0])
