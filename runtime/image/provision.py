"""Provisioning: run one script inside a finished tree, and let it reach nothing else.

A recipe may have a script that uses the tree's own programs to prepare what a package cannot
ship, such as a store of small container images. It runs behind the walls of `jail`: root of a
user namespace and nobody outside it, in a tree whose mount turns its ids into plain ones. But it may
start programs and mount what they need, and its network has no cable.

See user_namespaces(7), mount_setattr(2) on idmapped mounts, pivot_root(2). Without the walls a recipe
would be a script that runs as root of the host: to set /proc/sys it is enough to *be* user 0.
"""

from __future__ import annotations

import os
import signal
import socket
import tempfile
from pathlib import Path

from runtime.errors import VitrineError
from runtime.image import jail
from runtime.linux import constants as c
from runtime.linux import network, syscalls

_QUIET = c.MS_NOSUID | c.MS_NODEV | c.MS_NOEXEC
SCRIPT = "provision"
NODES = ("null", "zero", "full", "random", "urandom", "tty")
LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"}


def provision(root: Path, script: Path) -> None:
    """Run the script, a text for /bin/sh, in the tree; what it says is the error if it fails."""
    with tempfile.TemporaryFile() as words, script.open("rb") as text:
        status = _walled(root, text.fileno(), words.fileno())
        words.seek(0)
        said = words.read().decode(errors="replace")
    if status:
        raise VitrineError(f"{script}: status {status}: {said.strip()[-2000:]}")


def _walled(root: Path, text: int, words: int) -> int:
    """The child waits until its ids and those of the tree are mapped; then it is process 1 in there."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    tree = syscalls.open_tree(root)
    with ours, theirs:
        try:
            pid, pidfd = syscalls.clone3(jail.NAMESPACES)
            if pid == 0:
                _child(tree, text, words, theirs)
            os.close(pidfd)
            try:
                jail.let_in(pid, tree)
                ours.send(b"go")
            except BaseException:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                raise
        finally:
            os.close(tree)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _child(tree: int, text: int, words: int, channel: socket.socket) -> None:
    """Never returns: becomes the shell."""
    try:
        syscalls.prctl(c.PR_SET_PDEATHSIG, signal.SIGKILL)
        if channel.recv(2) == b"go":
            for number, fd in enumerate((text, words, words)):
                os.dup2(fd, number)
            _enter(tree)
            syscalls.close_range(3, c.CLOSE_RANGE_CLOEXEC)
            os.execve("/bin/sh", ["sh", "-s"], ENVIRONMENT)
    except BaseException as error:  # noqa: BLE001 - nothing may escape into the parent's code
        os.write(words, f"{error}\n".encode())
    finally:
        os._exit(1)


def _enter(tree: int) -> None:
    """The tree becomes the root, with its own /proc and /dev, while the host's still lies below it."""
    os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    network.loopback_up()
    syscalls.mount(None, "/", None, c.MS_REC | c.MS_PRIVATE)
    nodes = [syscalls.open_tree(f"/dev/{name}") for name in NODES]
    syscalls.move_mount(tree, "/")
    os.fchdir(tree)
    syscalls.pivot_root(".", ".")
    syscalls.mount("proc", "/proc", "proc", _QUIET)
    syscalls.mount("sysfs", "/sys", "sysfs", _QUIET)
    syscalls.mount("tmpfs", "/run", "tmpfs", c.MS_NOSUID | c.MS_NODEV, "mode=755")
    syscalls.mount("tmpfs", "/tmp", "tmpfs", c.MS_NOSUID | c.MS_NODEV, "mode=1777")
    _devices(nodes)
    syscalls.umount(".", c.MNT_DETACH)
    os.chdir("/")


def _devices(nodes: list[int]) -> None:
    syscalls.mount("tmpfs", "/dev", "tmpfs", c.MS_NOSUID, "mode=755,size=1m")
    for name, fd in zip(NODES, nodes, strict=True):
        Path("/dev", name).touch()
        syscalls.move_mount(fd, f"/dev/{name}")
        os.close(fd)
    for link, target in LINKS.items():
        os.symlink(target, f"/dev/{link}")
    os.mkdir("/dev/shm")
