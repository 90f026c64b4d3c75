"""/dev of a guest: six harmless devices, its own terminals, its own shared memory.

mknod(2) of a device is refused in a user namespace, whatever the capabilities; so the host's
nodes are bound one by one. Each is a copy of the host's mount at that file, made before the
guest exists, and cannot be used to reach anything beside it.

Terminals are scarce: the kernel has 4096 for the whole host, and keeps the last 1024 for file
systems of terminals made by the host itself. So ours is made there, before the guest exists, and
bounded: a guest that opens all it can get (it may mount more of these file systems) starves itself
and no other, and a new sandbox still gets its terminal.

There is no log daemon, but programs that write to the system log must find /dev/log, or they
complain or wait. Ours is a socket whose filter throws every message away.

The room of a virtual machine has /dev/kvm too, where the host's works: a node of its own, which belongs to
the one id that QEMU has, so that neither the host's group of that name nor its permissions are needed inside.

See null(4), devpts in pts(4), shm_overview(7), mq_overview(7), socket(7) SO_ATTACH_FILTER.
Without /dev/null nearly every shell script fails.
"""

from __future__ import annotations

import ctypes
import os
import socket
import stat
import struct
from pathlib import Path

from runtime.container import rootfs
from runtime.linux import constants as c
from runtime.linux import syscalls
from runtime.oci.spec import KVM, Spec

NODES = ("null", "zero", "full", "random", "urandom", "tty")
LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}
TTY_GROUP = 5
MOST_TERMINALS = 32
_QUIET = c.MS_NOSUID | c.MS_NODEV | c.MS_NOEXEC
_RETURN, _SO_ATTACH_FILTER = 0x06, 26


def names(spec: Spec) -> tuple[str, ...]:
    """The devices of this guest."""
    return (*NODES, "kvm") if spec.kvm else NODES


def clone_nodes(spec: Spec, directory: Path, uid: int) -> list[int]:
    """Detached copies of the host's device nodes, in the order of `names`."""
    nodes = [syscalls.open_tree(f"/dev/{name}") for name in NODES]
    return [*nodes, make_kvm(directory / "node", uid + KVM["uid"])] if spec.kvm else nodes


def make_kvm(place: Path, owner: int) -> int:
    """A node for one owner, as a detached mount: its file system is gone from every path when this returns."""
    place.mkdir(mode=0o700)
    try:
        syscalls.mount("kvm", str(place), "tmpfs", c.MS_NOSUID | c.MS_NOEXEC, "mode=700,size=4k")
        try:
            os.mknod(place / "kvm", stat.S_IFCHR | KVM["fileMode"], os.makedev(KVM["major"], KVM["minor"]))
            os.chown(place / "kvm", owner, owner)
            return syscalls.open_tree(place / "kvm")
        finally:
            syscalls.umount(str(place), c.MNT_DETACH)
    finally:
        place.rmdir()


def make_terminals(uid: int) -> int:
    """A detached file system of terminals for the range of ids that begins at `uid`. The kernel grants its
    reserve to whoever is in the first mount namespace, so this comes before our own."""
    options = {"ptmxmode": "0666", "mode": "0620", "gid": str(uid + TTY_GROUP), "max": str(MOST_TERMINALS)}
    fd = syscalls.fsopen("devpts")
    try:
        for name, value in options.items():
            syscalls.fsconfig(fd, c.FSCONFIG_SET_STRING, name, value)
        syscalls.fsconfig(fd, c.FSCONFIG_CMD_CREATE)
        return syscalls.fsmount(fd, c.MOUNT_ATTR_NOSUID | c.MOUNT_ATTR_NOEXEC)
    finally:
        os.close(fd)


def attach_terminals(fd: int) -> None:
    """Inside: where everyone looks for them."""
    syscalls.move_mount(fd, "/dev/pts")
    os.close(fd)


def mount_dev(spec: Spec, nodes: list[int], terminals: int) -> None:
    """Inside: fill /dev. `nodes` are clone_nodes()'s, `terminals` is make_terminals()'s."""
    rootfs.mount_point("/dev")
    syscalls.mount("tmpfs", "/dev", "tmpfs", c.MS_NOSUID, "mode=755,size=1m")
    for name, fd in zip(names(spec), nodes, strict=True):
        os.close(os.open(f"/dev/{name}", os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
        syscalls.move_mount(fd, f"/dev/{name}")
        os.close(fd)
    for name, target in LINKS.items():
        os.symlink(target, f"/dev/{name}")
    for name in ("pts", "shm", "mqueue"):
        os.mkdir(f"/dev/{name}")
    attach_terminals(terminals)
    syscalls.mount("shm", "/dev/shm", "tmpfs", c.MS_NOSUID | c.MS_NODEV, "mode=1777,size=64m")
    syscalls.mount("mqueue", "/dev/mqueue", "mqueue", _QUIET)


def terminal_multiplexer() -> int:
    """An O_PATH descriptor of this guest's ptmx, taken before any of its programs runs."""
    return os.open("/dev/pts/ptmx", os.O_PATH | os.O_CLOEXEC)


def bind_log() -> int:
    """Make /dev/log and return the socket behind it, which nobody reads: the filter's only
    instruction, "return 0 bytes", makes the kernel drop what is sent and tell the sender it went well."""
    instruction = ctypes.create_string_buffer(struct.pack("=HBBI", _RETURN, 0, 0, 0), 8)
    program = struct.pack("HxxxxxxQ", 1, ctypes.addressof(instruction))
    sink = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    sink.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
    sink.bind("/dev/log")
    os.chmod("/dev/log", 0o666)
    return sink.detach()
