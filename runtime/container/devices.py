"""/dev of a guest: six harmless devices, its own terminals, its own shared memory.

mknod(2) of a device is refused in a user namespace, whatever the capabilities; so the host's
nodes are bound one by one. Each is a copy of the host's mount at that file, made before the
guest exists, and cannot be used to reach anything beside it.

See null(4), devpts in pts(4), shm_overview(7), mq_overview(7). Without /dev/null nearly every
shell script fails.
"""

from __future__ import annotations

import os

from runtime.linux import constants as c
from runtime.linux import syscalls

NODES = ("null", "zero", "full", "random", "urandom", "tty")
LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}
_QUIET = c.MS_NOSUID | c.MS_NODEV | c.MS_NOEXEC


def clone_nodes() -> list[int]:
    """Detached copies of the host's device nodes, in the order of NODES."""
    return [syscalls.open_tree(f"/dev/{name}") for name in NODES]


def mount_dev(nodes: list[int]) -> None:
    """Inside: fill /dev. `nodes` are clone_nodes()'s."""
    os.makedirs("/dev", exist_ok=True)
    syscalls.mount("tmpfs", "/dev", "tmpfs", c.MS_NOSUID, "mode=755,size=1m")
    for name, fd in zip(NODES, nodes, strict=True):
        os.close(os.open(f"/dev/{name}", os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
        syscalls.move_mount(fd, f"/dev/{name}")
        os.close(fd)
    for name, target in LINKS.items():
        os.symlink(target, f"/dev/{name}")
    for name in ("pts", "shm", "mqueue"):
        os.mkdir(f"/dev/{name}")
    pts = "newinstance,ptmxmode=0666,mode=0620,gid=5"
    syscalls.mount("devpts", "/dev/pts", "devpts", c.MS_NOSUID | c.MS_NOEXEC, pts)
    syscalls.mount("shm", "/dev/shm", "tmpfs", c.MS_NOSUID | c.MS_NODEV, "mode=1777,size=64m")
    syscalls.mount("mqueue", "/dev/mqueue", "mqueue", _QUIET)


def terminal_multiplexer() -> int:
    """An O_PATH descriptor of this guest's ptmx, taken before any of its programs runs."""
    return os.open("/dev/pts/ptmx", os.O_PATH | os.O_CLOEXEC)
