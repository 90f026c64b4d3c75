"""Provisioning: run one script inside a finished tree, and let it reach nothing else.

A recipe may have a script that uses the tree's own programs to prepare what a package cannot
ship, such as a store of small container images. It runs as root of a user namespace whose ids are
the host's, so the files it makes are owned like the others; in it, capabilities count for
nothing outside. Its root is the tree, and its network has no cable.

See user_namespaces(7), pivot_root(2). Without the walls a recipe would be a script that runs as
root of the host.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

from runtime.errors import VitrineError
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
    """The child makes the namespaces, and we map its ids, which takes a capability it has given up."""
    ours, theirs = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        _child(root, text, words, ours[1], theirs[0])
    os.close(ours[1])
    try:
        if os.read(ours[0], 1):
            for name in ("uid_map", "gid_map"):
                Path(f"/proc/{pid}/{name}").write_text("0 0 65536\n")
            os.write(theirs[1], b"m")
    finally:
        for fd in (ours[0], *theirs):
            os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _child(root: Path, text: int, words: int, ready: int, mapped: int) -> None:
    """Never returns."""
    status = 1
    try:
        os.dup2(text, 0)
        os.dup2(words, 1)
        os.dup2(words, 2)
        syscalls.unshare(c.CLONE_NEWUSER)
        os.write(ready, b"u")
        if os.read(mapped, 1):
            syscalls.unshare(c.CLONE_NEWNS | c.CLONE_NEWPID | c.CLONE_NEWNET | c.CLONE_NEWIPC | c.CLONE_NEWUTS)
            status = subprocess.call(["/bin/sh", "-s"], preexec_fn=lambda: _enter(root), env=ENVIRONMENT)
    except BaseException:  # noqa: BLE001 - nothing may escape into the parent's code
        traceback.print_exc(file=sys.stderr)
    finally:
        os._exit(status)


def _enter(root: Path) -> None:
    """As process 1 of the new pid namespace: the tree becomes the root, with its own /proc and /dev."""
    network.loopback_up()
    syscalls.mount(None, "/", None, c.MS_REC | c.MS_PRIVATE)
    syscalls.mount(str(root), str(root), None, c.MS_BIND)
    os.chdir(root)
    syscalls.mount("proc", "proc", "proc", _QUIET)
    syscalls.mount("sysfs", "sys", "sysfs", _QUIET)
    syscalls.mount("tmpfs", "run", "tmpfs", c.MS_NOSUID | c.MS_NODEV, "mode=755")
    syscalls.mount("tmpfs", "tmp", "tmpfs", c.MS_NOSUID | c.MS_NODEV, "mode=1777")
    syscalls.mount("tmpfs", "dev", "tmpfs", c.MS_NOSUID, "mode=755,size=1m")
    for name in NODES:
        Path("dev", name).touch()
        syscalls.mount(f"/dev/{name}", f"dev/{name}", None, c.MS_BIND)
    os.mkdir("dev/shm")
    for link, target in LINKS.items():
        os.symlink(target, f"dev/{link}")
    syscalls.pivot_root(".", ".")
    syscalls.umount(".", c.MNT_DETACH)
    os.chdir("/")
