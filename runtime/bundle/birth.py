"""How a bundle becomes a container, step by step.

Two processes speak through a socket pair. The parent has the host's power: it makes the groups, writes
the id maps, lifts the child into its groups. The child is pid 1 of the new namespaces: it builds the tree
of mounts, waits at a named pipe until somebody says `start`, and becomes the program. When the parent
ends, the child belongs to whoever called us (an engine's monitor is a subreaper: see prctl(2)).

    parent                              child
    clone ────────────────────────────► waits
    maps, groups ──── "go" ───────────► root in its namespace, mounts, hooks, root changed
                 ◄─── "ready" ──────────  (or the error, and the end)
    writes the record, ends             waits for `start`, then execve(2)

See runtime.md "Lifecycle", clone3(2), pivot_root(2).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import termios
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runtime.bundle import devices, hooks, mounts, namespaces
from runtime.bundle.config import Bundle
from runtime.bundle.filter import Filter
from runtime.bundle.groups import Groups
from runtime.bundle.person import Person
from runtime.bundle.records import Record, Records, started
from runtime.errors import VitrineError
from runtime.linux import constants as c
from runtime.linux import syscalls

Json = dict[str, Any]
GO, READY = b"go", b"ready"
LONGEST = 65536
FIRST_FREE = 3


@dataclass
class Order:
    """What `create` was asked for beside the bundle."""

    identifier: str
    bundle: Bundle
    console: str = ""
    pid_file: str = ""
    preserve: int = 0


class Birth:
    """One creation; `run` returns the record, or raises and leaves nothing behind."""

    def __init__(self, order: Order, records: Records) -> None:
        self.order, self.bundle, self.records = order, order.bundle, records
        self.groups = Groups(self.bundle.linux.get("cgroupsPath") or f"/vitrine/{order.identifier}")
        self.person = Person(self.bundle.process, filter_of(self.bundle.linux))
        self.record = Record(
            order.identifier, str(self.bundle.directory), created=datetime.now(UTC).isoformat(),
            cgroups=str(self.groups.relative), annotations=self.bundle.annotations,
        )  # fmt: skip
        self.pid = 0

    def run(self) -> Record:
        place = self.records.reserve(self.order.identifier)
        try:
            self.groups.create()
            self.groups.limit(self.bundle.linux.get("resources") or {})
            self._bear(place / "start")
        except BaseException:
            self._undo()
            raise
        return self.record

    def _undo(self) -> None:
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, 9)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid, 0)
        with contextlib.suppress(OSError):
            self.groups.remove()
        self.records.forget(self.order.identifier)

    def _bear(self, pipe: Path) -> None:
        console = connect(self.order.console) if self.bundle.process.get("terminal") else None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        early = {kind: path for kind, path in self.bundle.namespaces.items() if kind != "mount"}
        namespaces.join(early)
        self.pid, _ = syscalls.clone3(namespaces.new_flags(self.bundle.namespaces))
        if self.pid == 0:
            ours.close()
            Child(self, theirs, pipe, console).run()
        theirs.close()
        self._attend(ours)

    def _attend(self, channel: socket.socket) -> None:
        """The parent's half."""
        if "user" in self.bundle.namespaces and not self.bundle.namespaces["user"]:
            namespaces.write_maps(self.pid, self.bundle.linux)
        self.groups.enter(self.pid)
        self.groups.allow_devices((self.bundle.linux.get("resources") or {}).get("devices") or [])
        self.record.pid, self.record.started = self.pid, started(self.pid)
        for name in ("prestart", "createRuntime"):
            hooks.run(self.bundle.hooks(name), self.state("creating"))
        channel.send(GO)
        answer = channel.recv(LONGEST)
        if answer != READY:
            raise VitrineError(answer.decode(errors="replace") or "the container's first process ended")
        self.records.write(self.record)
        PidFile(self.order.pid_file).write(self.pid)

    def state(self, status: str) -> Json:
        """The state that hooks are told."""
        return {**self.records.state(self.record), "status": status, "pid": self.pid}


class Child:
    """The child's half; `run` never returns."""

    def __init__(self, birth: Birth, channel: socket.socket, pipe: Path, console: socket.socket | None) -> None:
        self.birth, self.bundle, self.person = birth, birth.bundle, birth.person
        self.channel, self.pipe, self.console = channel, pipe, console
        self.start = -1

    def run(self) -> None:
        try:
            if self.channel.recv(16) == GO:
                self._build()
                self.channel.send(READY)
                self.channel.close()
                os.read(self.start, 1)
                self._go()
        except BaseException as error:  # noqa: BLE001 - nothing may escape into the parent's code
            words = str(error) or type(error).__name__
            with contextlib.suppress(OSError):
                self.channel.send(words.encode())
            with contextlib.suppress(OSError):
                os.write(2, f"{words}\n".encode())
        os._exit(127)

    def _build(self) -> None:
        """Everything up to the moment at which only the program is missing."""
        os.setsid()
        # Opened for both, so that neither end waits; `start` can write as long as we live.
        self.start = os.open(self.pipe, os.O_RDWR | os.O_CLOEXEC)
        self.person.prepare()
        own_user = self.bundle.namespaces.get("user") == ""
        if own_user:
            namespaces.become_root()
        if self.bundle.namespaces.get("cgroup") == "":
            syscalls.unshare(c.CLONE_NEWCGROUP)
        if "mount" in self.bundle.namespaces:
            self._tree(bind_devices=own_user)
        else:
            os.chroot(self.bundle.rootfs)
            os.chdir("/")
        self._names()
        self._terminal()
        self._settings()
        self.person.program()

    def _tree(self, *, bind_devices: bool) -> None:
        bundle, rootfs = self.bundle, self.bundle.rootfs
        namespaces.join({"mount": bundle.namespaces["mount"]})
        change = mounts.propagation(bundle.linux.get("rootfsPropagation") or "rslave")
        syscalls.mount(None, "/", None, mounts.MS_SLAVE | c.MS_REC if change & mounts.MS_SHARED else change)
        syscalls.mount(str(rootfs), str(rootfs), None, c.MS_BIND | c.MS_REC)
        shared = self.birth.groups if bundle.namespaces.get("cgroup") != "" else None
        mounts.mount_all(rootfs, bundle.mounts, shared)
        devices.make(rootfs, bundle.linux.get("devices") or [], bind=bind_devices)
        hooks.run(bundle.hooks("createContainer"), self.birth.state("creating"))
        mounts.change_root(rootfs)
        if change & (mounts.MS_SHARED | mounts.MS_UNBINDABLE):
            syscalls.mount(None, "/", None, change)

    def _names(self) -> None:
        if hostname := self.bundle.raw.get("hostname"):
            socket.sethostname(hostname)
        if domain := self.bundle.raw.get("domainname"):
            Path("/proc/sys/kernel/domainname").write_text(domain)

    def _terminal(self) -> None:
        """The terminal is made inside and its other side is handed to the engine."""
        if self.console is None:
            return
        size = self.bundle.process.get("consoleSize") or {}
        master, slave = devices.console(size.get("width", 0), size.get("height", 0))
        socket.send_fds(self.console, [b"/dev/ptmx"], [master])
        os.close(master)
        self.console.close()
        adopt(slave)

    def _settings(self) -> None:
        """The last acts that need what the program may not have."""
        for name, value in (self.bundle.linux.get("sysctl") or {}).items():
            Path("/proc/sys", *name.split(".")).write_text(str(value))
        if "mount" in self.bundle.namespaces:
            mounts.make_readonly(self.bundle.linux.get("readonlyPaths") or [])
            mounts.mask(self.bundle.linux.get("maskedPaths") or [])
            if self.bundle.raw["root"].get("readonly"):
                syscalls.mount(None, "/", None, c.MS_BIND | c.MS_REMOUNT | c.MS_RDONLY | mounts.kept("/"))

    def _go(self) -> None:
        os.close(self.start)
        hooks.run(self.bundle.hooks("startContainer"), self.birth.state("created"))
        syscalls.close_range(FIRST_FREE + self.birth.order.preserve, c.CLOSE_RANGE_CLOEXEC)
        self.person.become()


def adopt(terminal: int) -> None:
    """Make a terminal this session's own, and standard input, output and error."""
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    for fd in range(3):
        os.dup2(terminal, fd)
    if terminal > 2:
        os.close(terminal)


def filter_of(linux: Json) -> Filter | None:
    return Filter(linux["seccomp"]) if linux.get("seccomp") else None


def connect(path: str) -> socket.socket:
    if not path:
        raise VitrineError("process.terminal is true: pass --console-socket")
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    return connection


class PidFile:
    """Where the engine reads a pid. Opened early: after the namespaces are entered the path leads elsewhere."""

    def __init__(self, path: str) -> None:
        self.name = os.path.basename(path)
        self.directory = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) if path else -1

    def write(self, pid: int) -> None:
        if self.directory < 0:
            return
        draft = f".{self.name}.new"
        with os.fdopen(
            os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644, dir_fd=self.directory), "w"
        ) as file:
            file.write(str(pid))
        os.rename(draft, self.name, src_dir_fd=self.directory, dst_dir_fd=self.directory)
        os.close(self.directory)
