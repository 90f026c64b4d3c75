"""Unpacking behind walls: an archive decides names, owners and links, so it gets no way out.

An entry called `../../etc/passwd`, or a link to / followed by a file through it, makes a plain
extraction as root write outside its directory. Here the process that reads the archive is root
of a user namespace of its own and nobody outside it: its only file system is the directory that
is filled, through a mount that turns its ids into those of the image. It has no network, sees no
other process, and its memory, time and files are bounded.

Everything is imported before pivot_root(2): a module found afterwards would be the archive's.

See user_namespaces(7), mount_setattr(2) on idmapped mounts, pivot_root(2), setrlimit(2).
"""

from __future__ import annotations

import contextlib
import encodings.idna  # noqa: F401 - the codecs that tarfile asks for must be there already
import os
import resource
import select
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runtime.errors import VitrineError
from runtime.linux import capabilities, syscalls
from runtime.linux import constants as c

NAMESPACES = (
    c.CLONE_NEWUSER | c.CLONE_NEWNS | c.CLONE_NEWPID | c.CLONE_NEWNET | c.CLONE_NEWIPC | c.CLONE_NEWUTS | c.CLONE_NEWCGROUP
)
KEEP = ("chown", "dac_override", "fowner", "fsetid", "setfcap")
SIZE = 65536
MEMORY = 1 << 30
_REPORT = 64 << 20


def first_id() -> int:
    """The host ids of everything in jails: the range just below that of the sandboxes."""
    return int(os.environ.get("VITRINE_UID_BASE", "1879048192")) - SIZE


@dataclass
class Jail:
    """A process behind walls, and the pipe on which it reports."""

    name: str
    pid: int
    pidfd: int
    pipe: int

    def result(self, seconds: float) -> bytes:
        """What the work returned; VitrineError if it failed, said too much or took too long."""
        try:
            report = self._read(time.monotonic() + seconds)
        finally:
            self.end()
        if report[:1] != b"+":
            raise VitrineError(
                f"{self.name}: {report[1:].decode(errors='replace') or 'the unpacking process was ended by the kernel'}"
            )
        return report[1:]

    def _read(self, deadline: float) -> bytes:
        report = b""
        while True:
            if not select.select([self.pipe], [], [], max(0, deadline - time.monotonic()))[0]:
                return b"-it took too long"
            data = os.read(self.pipe, 1 << 16)
            if not data:
                return report
            report += data
            if len(report) > _REPORT:
                return b"-its list of marks is too long"

    def end(self) -> None:
        """Kill process 1 of the pid namespace, and with it all others; harmless if it has ended."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            os.close(self.pidfd)
            os.close(self.pipe)
            self.pid = 0


def start(name: str, root: Path, archive: int, work: Callable[[int], bytes], largest: int, cpu: int = 600) -> Jail:
    """Run `work(archive)` in a jail whose root is `root`; no file may be longer than `largest` bytes.

    `name` is for messages. The work's bytes, or the words of its exception, come by Jail.result().
    """
    reader, writer = os.pipe2(os.O_CLOEXEC)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    tree = syscalls.open_tree(root)
    try:
        pid, pidfd = syscalls.clone3(NAMESPACES)
        if not pid:
            _inside(tree, archive, writer, theirs, work, (largest, cpu))
        jail = Jail(name, pid, pidfd, reader)
        try:
            let_in(pid, tree)
            ours.send(b"go")
        except BaseException:
            jail.end()
            raise
        return jail
    finally:
        os.close(writer)
        os.close(tree)
        ours.close()
        theirs.close()


def let_in(pid: int, tree: int) -> None:
    """From outside: the id maps, and the tree's mount with the same map backwards, so that disk has plain ids."""
    for name in ("uid_map", "gid_map"):
        Path(f"/proc/{pid}/{name}").write_text(f"0 {first_id()} {SIZE}\n")
    userns = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    try:
        syscalls.mount_setattr(tree, c.MOUNT_ATTR_IDMAP | c.MOUNT_ATTR_NODEV, userns)
    finally:
        os.close(userns)


def _inside(
    tree: int, archive: int, writer: int, channel: socket.socket, work: Callable[[int], bytes], bounds: tuple[int, int]
) -> None:
    """The child. Never returns."""
    try:
        _enter(tree, channel, (archive, writer), bounds)
        report = b"+" + work(archive)
    except MemoryError:
        report = b"-it wants more memory than an archive should"
    except BaseException as error:
        report = b"-" + _words(error).encode(errors="replace")
    try:
        while report:
            report = report[os.write(writer, report) :]
    finally:
        os._exit(0)


def _words(error: BaseException) -> str:
    return str(error)[:2000] if isinstance(error, VitrineError | OSError) else f"{type(error).__name__}: {str(error)[:2000]}"


def _enter(tree: int, channel: socket.socket, kept: tuple[int, ...], bounds: tuple[int, int]) -> None:
    """Leave the host: its descriptors, its tree, its ids, its capabilities; in this order."""
    syscalls.prctl(c.PR_SET_PDEATHSIG, signal.SIGKILL)
    if channel.recv(2) != b"go":
        os._exit(1)
    os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    syscalls.mount(None, "/", None, c.MS_REC | c.MS_PRIVATE)
    syscalls.move_mount(tree, "/")
    os.fchdir(tree)
    syscalls.pivot_root(".", ".")
    syscalls.umount(".", c.MNT_DETACH)
    os.chdir("/")
    _close_all_but(kept)
    os.umask(0)
    _bound(*bounds)
    syscalls.prctl(c.PR_SET_NO_NEW_PRIVS, 1)
    capabilities.keep(KEEP)


def _close_all_but(kept: tuple[int, ...]) -> None:
    low = 0
    for fd in sorted(kept):
        if low < fd:  # closerange(0, 0) would be close_range(0, -1): everything
            os.closerange(low, fd)
        low = fd + 1
    syscalls.close_range(low)


def _bound(largest: int, cpu: int) -> None:
    """Memory, processor seconds, bytes of one file, open files; no second process."""
    limits = {
        resource.RLIMIT_AS: MEMORY,
        resource.RLIMIT_CPU: cpu,
        resource.RLIMIT_FSIZE: largest,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_CORE: 0,
    }
    for limit, value in limits.items():
        hard = resource.getrlimit(limit)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (value, value))
    # Python ignores SIGXFSZ, so a file that is too long is EFBIG at write(2).
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
