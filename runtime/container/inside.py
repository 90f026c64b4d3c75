"""The inside half of a birth: from an empty namespace to process 1.

This runs in the child of clone3, as root of the new user namespace. It reports each step's
time through a socket, hands out a descriptor of its terminals, and becomes the tiny init.

The order is the lesson: the root is changed first, then everything is mounted where the guest
sees it, and only at the end is the host's tree let go. Until then it must stay, because the
kernel allows a new /proc only to those who can already see one (mount_too_revealing).

See pivot_root(2), proc(5), sysfs(5), uts_namespaces(7).
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from runtime.container import confine, devices, rootfs, volumes
from runtime.errors import StepError
from runtime.linux import constants as c
from runtime.linux import network, syscalls
from runtime.linux.cgroups import Hierarchy, enter_by
from runtime.oci.spec import Spec
from runtime.plan import Step, timed

_QUIET = c.MS_NOSUID | c.MS_NODEV | c.MS_NOEXEC
MASKED_FILES = ("/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/latency_stats", "/proc/sysrq-trigger")
MASKED_DIRECTORIES = ("/proc/acpi", "/proc/scsi", "/sys/firmware")
SPARES = "/run/.spares"
READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys")


@dataclass
class Inside:
    """What the child needs, all of it made before it was born or received by its socket."""

    spec: Spec
    trees: list[Hierarchy]
    channel: socket.socket
    init: int
    epoch: float
    doors: list[int]
    fds: list[int] = field(default_factory=list)
    volumes: list[int] = field(default_factory=list)

    def run(self) -> None:
        """Never returns: becomes init, or reports what failed and exits."""
        step = "wait-for-host"
        try:
            self.channel.recv(1)
            for one in self.first_steps():
                step = one.name
                self._report(one)
            self._receive_root()
            for one in self.steps():
                step = one.name
                self._report(one)
            step = "become-init"
            self._become_init()
        except BaseException as error:  # noqa: BLE001 - nothing may escape into the parent's code
            cause = error.cause if isinstance(error, StepError) else error
            with contextlib.suppress(OSError):
                self.channel.send(json.dumps({"error": f"{cause}", "step": step}).encode())
        os._exit(1)

    def _report(self, step: Step) -> None:
        timing = timed(step, self.epoch)
        self.channel.send(json.dumps({"timing": timing.to_dict()}).encode())

    def _receive_root(self) -> None:
        first = 2 + len(devices.names(self.spec))
        fds = socket.recv_fds(self.channel, 16, first + len(self.spec.volumes))[1]
        self.fds, self.volumes = fds[:first], fds[first:]

    def first_steps(self) -> list[Step]:
        """What we are in when we make the cgroup namespace becomes the top of what we see."""
        return [
            _inside("join-cgroup", "move ourselves into a control group in every hierarchy", "cgroups(7)", self.join_cgroups),
            _inside("become-root", "take user and group id 0 of the new user namespace", "user_namespaces(7)", self.become_root),
            _inside(
                "cgroup-namespace",
                "make our own control group look like the top of the tree",
                "cgroup_namespaces(7)",
                self.hide_cgroups,
            ),
        ]

    def steps(self) -> list[Step]:
        """The rest, in order."""
        steps = [
            _inside("hostname", f"set the host name to {self.spec.hostname}", "uts_namespaces(7)", self.set_hostname),
            _inside("pivot-root", "make the overlay the root directory", "pivot_root(2)", self.pivot),
            _inside("mount-proc", "mount /proc, which shows this pid namespace only", "proc(5)", self.mount_proc),
            _inside("mount-sys", "mount /sys, which shows this network namespace only", "sysfs(5)", self.mount_sys),
            _inside("mount-dev", "fill /dev with harmless devices and own terminals", "pts(4)", self.mount_dev),
            _inside("mount-cgroup", "show our control groups below /sys/fs/cgroup", "cgroups(7)", self.mount_cgroups),
            _inside("mount-run", "give /run a filesystem in memory", "tmpfs(5)", self.mount_run),
            *self._nesting(),
            _inside("leave-host-tree", "let go of the host's tree of mounts", "umount(2)", self.leave_host),
            *self._volumes(),
            _inside("hosts-file", "write /etc/hostname and /etc/hosts", "hosts(5)", self.write_names),
            _inside("loopback", "bring the loopback device up", "netdevice(7)", network.loopback_up),
            _inside(
                "namespace-limits", "bound how many namespaces may be made in here", "namespaces(7)", confine.bound_namespaces
            ),
        ]
        if not self.spec.nested:
            steps.append(_inside("mask", "cover what /proc and /sys tell about the host", "mount(2)", self.mask))
        return steps

    def _volumes(self) -> list[Step]:
        text = "mount the directories of the disk that must not lie on the overlay"
        return [_inside("mount-volumes", text, "move_mount(2)", self.mount_volumes)] if self.spec.volumes else []

    def _nesting(self) -> list[Step]:
        """`ip netns exec` lets go of /sys before it mounts another: one must stay, or the kernel refuses."""
        text = "keep a second /proc and /sys, so that others may be mounted in here"
        return [_inside("spare-mounts", text, "mount_namespaces(7)", self.mount_spares)] if self.spec.nested else []

    def become_root(self) -> None:
        confine.prepare(self.spec)
        os.setgroups(())
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)

    def join_cgroups(self) -> None:
        """In version 2's we were born. The doors were opened by the host, whose power they keep."""
        enter_by(self.doors)

    def hide_cgroups(self) -> None:
        syscalls.unshare(c.CLONE_NEWCGROUP)

    def set_hostname(self) -> None:
        socket.sethostname(self.spec.hostname)

    def pivot(self) -> None:
        """The new root is stacked on the old one at the same place; see the manual's last example."""
        root = self.fds.pop(0)
        syscalls.move_mount(root, "/")
        os.fchdir(root)
        os.close(root)
        syscalls.pivot_root(".", ".")

    def mount_proc(self) -> None:
        rootfs.mount_point("/proc")
        syscalls.mount("proc", "/proc", "proc", _QUIET)

    def mount_sys(self) -> None:
        rootfs.mount_point("/sys")
        syscalls.mount("sysfs", "/sys", "sysfs", _QUIET)

    def mount_dev(self) -> None:
        *nodes, terminals = self.fds
        devices.mount_dev(self.spec, nodes, terminals)

    def mount_cgroups(self) -> None:
        """Version 2 alone as it is on most hosts; otherwise version 1's trees, one beside the other.

        On a hybrid host version 2's own tree has no controllers: it stays out of sight, because crun
        refuses to work where it sees both. We are in a group of ours there all the same.
        """
        top = "/sys/fs/cgroup"
        old = [tree for tree in self.trees if not tree.unified]
        if not old:
            syscalls.mount("cgroup2", top, "cgroup2", _QUIET)
            return
        syscalls.mount("tmpfs", top, "tmpfs", _QUIET, "mode=755,size=64k")
        for tree in old:
            os.mkdir(f"{top}/{tree.path.name}")
            syscalls.mount("cgroup", f"{top}/{tree.path.name}", "cgroup", _QUIET, tree.options)

    def mount_run(self) -> None:
        rootfs.mount_point("/run")
        syscalls.mount("tmpfs", "/run", "tmpfs", c.MS_NOSUID | c.MS_NODEV, "mode=755,size=16m")
        os.mkdir("/run/lock", 0o1777)
        os.chmod("/run/lock", 0o1777)
        os.mkdir("/run/user", 0o755)

    def mount_volumes(self) -> None:
        volumes.attach(self.spec.volumes, self.volumes)

    def mount_spares(self) -> None:
        """Out of sight below a tmpfs, but the kernel counts them (mnt_already_visible)."""
        os.mkdir(SPARES, 0o700)
        syscalls.mount("tmpfs", SPARES, "tmpfs", _QUIET, "mode=700,size=4k")
        for kind, name in (("proc", "proc"), ("sysfs", "sys")):
            os.mkdir(f"{SPARES}/{name}")
            syscalls.mount(kind, f"{SPARES}/{name}", kind, _QUIET)
        syscalls.mount("tmpfs", SPARES, "tmpfs", _QUIET | c.MS_RDONLY, "mode=700,size=4k")

    def leave_host(self) -> None:
        """And look: whoever enters this mount namespace later starts at the topmost root, so there must be one."""
        syscalls.umount(".", c.MNT_DETACH)
        os.chdir("/")
        with open("/proc/self/mountinfo") as table:
            roots = [line for line in table if line.split()[4] == "/"]
        if len(roots) != 1:
            raise OSError(errno.EBUSY, "the host's tree of mounts is still there")

    def write_names(self) -> None:
        name = self.spec.hostname
        lines = ["127.0.0.1\tlocalhost", "::1\tlocalhost"]
        if name not in self.spec.hosts:
            lines.append(f"127.0.1.1\t{name}")
        lines += [f"{address}\t{host}" for host, address in self.spec.hosts.items()]
        os.makedirs("/etc", exist_ok=True)
        _replace("/etc/hostname", name + "\n")
        _replace("/etc/hosts", "\n".join(lines) + "\n")
        if self.spec.nameserver:
            _replace("/etc/resolv.conf", f"nameserver {self.spec.nameserver}\n")

    def mask(self) -> None:
        """Cosmetics beside the user namespace; they stay because the profile forbids umount."""
        for path in filter(os.path.exists, MASKED_FILES):
            syscalls.mount("/dev/null", path, None, c.MS_BIND)
        for path in filter(os.path.exists, MASKED_DIRECTORIES):
            syscalls.mount("tmpfs", path, "tmpfs", c.MS_RDONLY | _QUIET, "size=0,mode=555")
        for path in filter(os.path.exists, READ_ONLY):
            syscalls.mount(path, path, None, c.MS_BIND | c.MS_REC)
            syscalls.mount(None, path, None, c.MS_BIND | c.MS_REMOUNT | c.MS_RDONLY | _QUIET)

    def _become_init(self) -> None:
        given = [devices.terminal_multiplexer(), devices.bind_log()]
        socket.send_fds(self.channel, [b'{"ptmx":1}'], given)
        null = os.open("/dev/null", os.O_RDWR)
        for fd in range(3):
            os.dup2(null, fd)
        os.setsid()
        confine.default_signals()
        confine.surrender(self.spec)
        syscalls.close_range(3, c.CLOSE_RANGE_CLOEXEC)
        syscalls.execveat(self.init, "init")


def _inside(name: str, description: str, manual: str, action: Callable[[], None]) -> Step:
    return Step(name, description, manual, action, stage="inside")


def _replace(path: str, text: str) -> None:
    """Write a file anew; never through a link that the image may hold."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    with os.fdopen(fd, "w") as file:
        file.write(text)
