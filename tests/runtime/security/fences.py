"""The fences of a sandbox, and for each the way to leave it out: in these tests and nowhere else.

A test of a refusal proves little as long as nobody has seen the attack succeed. So each fence has a
switch here that replaces a function of the runtime in the process that makes one container
(`unfenced.py`), and each attack is tried twice: with all fences, and without the ones that stop it.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.container import birth, confine, devices, inside, processes, rootfs
from runtime.linux import capabilities, cgroups, network, seccomp, syscalls
from runtime.linux import constants as c

SHARED_OWNER = 100000  # user ids before the ranges of these tests, far from a user of the host


@dataclass(frozen=True)
class Fence:
    """`what` says in a line what it does, `stands` where it is built, `off` leaves it out."""

    what: str
    stands: str
    off: Callable[[], None]


def _nothing(*args: Any, **fields: Any) -> None:
    """In the place of an act."""


def _put(module: Any, name: str, replacement: Any) -> Callable[[], None]:
    return lambda: setattr(module, name, replacement)


def _allow_all(nested: bool) -> bytes:
    return struct.pack("=HBBI", 0x06, 0, 0, seccomp.ALLOW)


def _without(*controllers: str) -> Callable[[], None]:
    """Control groups, but no limits of these controllers."""

    def off() -> None:
        whole = cgroups.Cgroup.controller

        def limit(self: cgroups.Cgroup, *bounds: Any) -> None:
            cgroups.Cgroup.controller = lambda group, name: None if name in controllers else whole(group, name)  # type: ignore[method-assign]
            limited(self, *bounds)
            cgroups.Cgroup.controller = whole  # type: ignore[method-assign]

        limited = cgroups.Cgroup.limit
        cgroups.Cgroup.limit = limit  # type: ignore[method-assign]

    return off


def _no_resource_limits() -> None:
    confine.limits = lambda spec: {}
    whole = birth.identity
    birth.identity = lambda uid, processes: whole(uid, 100_000)


def _shared_owner() -> None:
    whole = birth.identity
    birth.identity = lambda uid, processes: whole(SHARED_OWNER, processes)


def _empty_sys(self: inside.Inside) -> None:
    """The kernel refuses sysfs to whoever does not own the network namespace."""
    syscalls.mount("tmpfs", "/sys", "tmpfs", 0, "mode=755")
    os.makedirs("/sys/fs/cgroup")


def _host_network() -> None:
    birth.NAMESPACES &= ~c.CLONE_NEWNET
    processes.ENTERED &= ~c.CLONE_NEWNET
    network.loopback_up = _nothing
    inside.Inside.mount_sys = _empty_sys  # type: ignore[method-assign]
    inside.Inside.mount_spares = _nothing  # type: ignore[method-assign]


def _own_everything() -> None:
    """Delegate the limits along with the groups."""
    whole = cgroups.Cgroup.delegate

    def delegate(self: cgroups.Cgroup, uid: int) -> None:
        whole(self, uid)
        for tree in self.trees:
            for file in self.path(tree).iterdir():
                os.chown(file, uid, uid)

    cgroups.Cgroup.delegate = delegate  # type: ignore[method-assign]


def _forked_init() -> None:
    """Process 1 stays a copy of the Python that made it, and lets itself be read."""

    def stay(self: inside.Inside) -> None:
        import socket  # noqa: PLC0415 - the host's modules are out of reach by now, but for those loaded

        given = [devices.terminal_multiplexer(), devices.bind_log()]
        socket.send_fds(self.channel, [b'{"ptmx":1}'], given)
        self.channel.send(b'{"end":1}')
        confine.surrender(self.spec)
        syscalls.prctl(c.PR_SET_DUMPABLE, 1)
        while True:
            time.sleep(1000)

    inside.Inside._become_init = stay  # type: ignore[method-assign]


def _leave_nothing(self: inside.Inside) -> None:
    os.chdir("/")


def _follow_links() -> None:
    """Mount where links lead, and do not look afterwards whose tree is the topmost."""
    rootfs.mount_point = lambda path: os.makedirs(path, exist_ok=True)

    def leave(self: inside.Inside) -> None:
        syscalls.umount(".", c.MNT_DETACH)
        os.chdir("/")

    inside.Inside.leave_host = leave  # type: ignore[method-assign]


def _large_disk() -> None:
    whole = rootfs.mount_disk
    rootfs.mount_disk = lambda directory, size, uid: whole(directory, 1 << 30, uid)


def _private_terminals() -> None:
    """Terminals as a guest would mount them: without the reserve, and without a bound."""

    def mount(fd: int) -> None:
        os.close(fd)
        syscalls.mount("devpts", "/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=0620,gid=5")

    devices.attach_terminals = mount


FENCES: dict[str, Fence] = {
    "seccomp": Fence("the filter of system calls", "runtime/linux/seccomp.py", _put(seccomp, "program", _allow_all)),
    "bounding-set": Fence(
        "capabilities that no process can regain", "runtime/linux/capabilities.py", _put(capabilities, "bound", _nothing)
    ),
    "namespace-limits": Fence(
        "bounds on nested namespaces and inotify", "runtime/container/confine.py", _put(confine, "bound_namespaces", _nothing)
    ),
    "own-uid": Fence("a user namespace owned by the sandbox's own host id", "runtime/container/bearing.py", _shared_owner),
    "resource-limits": Fence("limits of setrlimit(2)", "runtime/container/confine.py", _no_resource_limits),
    "memory": Fence("the limit of the memory controller", "runtime/linux/cgroups.py", _without("memory")),
    "pids": Fence("the limit of the pids controller", "runtime/linux/cgroups.py", _without("pids")),
    "cpu": Fence("the quota of the cpu controller", "runtime/linux/cgroups.py", _without("cpu")),
    "own-cgroups": Fence(
        "a control group of its own in every hierarchy", "runtime/linux/cgroups.py", _put(inside, "enter_by", _nothing)
    ),
    "limits-stay-ours": Fence("limits that are not delegated with the group", "runtime/linux/cgroups.py", _own_everything),
    "disk-size": Fence("a writable layer of bounded bytes and files", "runtime/container/rootfs.py", _large_disk),
    "leave-host-tree": Fence(
        "the host's tree of mounts is let go", "runtime/container/inside.py", _put(inside.Inside, "leave_host", _leave_nothing)
    ),
    "mount-points": Fence(
        "a link of the image in the place of a mount point is refused", "runtime/container/rootfs.py", _follow_links
    ),
    "close-descriptors": Fence(
        "every descriptor but three is closed at execve(2)", "runtime/linux/syscalls.py", _put(syscalls, "close_range", _nothing)
    ),
    "executed-init": Fence("process 1 is a program that knows nothing", "runtime/container/init.py", _forked_init),
    "working-directory": Fence(
        "a working directory outside of the root is refused",
        "runtime/container/processes.py",
        _put(processes, "_change_directory", os.chdir),
    ),
    "own-network": Fence("a network namespace with no way out", "runtime/container/birth.py", _host_network),
    "terminals": Fence("terminals within the host's reserve, bounded", "runtime/container/devices.py", _private_terminals),
}


def take_down(names: list[str]) -> None:
    """Leave these fences out of whatever this process makes."""
    for name in names:
        FENCES[name].off()


def planted(directory: Path) -> int:
    """A mistake to be caught: a directory of the host's left open, and inherited by whoever executes."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    os.set_inheritable(fd, True)
    return os.dup2(fd, 100)


def table() -> str:
    """The fences in Markdown, as in docs/security.md: what each is, where it stands, and the attacks that get through without it."""
    from tests.runtime.security.attacks import ATTACKS  # noqa: PLC0415 - it is only wanted here

    rows = []
    for name, fence in FENCES.items():
        tried = [attack.name for attack in ATTACKS if name in attack.fences] + ELSEWHERE.get(name, [])
        rows.append(f"| {name} | {fence.what} | `{fence.stands}` | {'; '.join(tried)} |")
    return "\n".join(
        ["| fence | what it is | where it stands | attacks that get through without it |", "|---|---|---|---|", *rows]
    )


# Fences whose attack takes more than one guest, or an image of its own.
ELSEWHERE = {
    "own-uid": ["R-15, T-13: take all inotify instances"],
    "mount-points": ["E-38: a link to the host's tree in an image"],
}

if __name__ == "__main__":
    print(table())
