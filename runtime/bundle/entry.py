"""One more process in a container that is there.

It enters what the first process is in: its groups, then its namespaces by one call on its pidfd, then a
fork, because a pid namespace is entered by children only. The rest is as at the birth.

See setns(2), pidfd_open(2), runtime.md; `exec` is every engine's own addition to the specification.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from dataclasses import dataclass
from typing import Any

from runtime.bundle import devices
from runtime.bundle.birth import FIRST_FREE, PidFile, adopt, connect, filter_of
from runtime.bundle.config import Bundle
from runtime.bundle.groups import Groups
from runtime.bundle.person import Person
from runtime.bundle.records import Record
from runtime.errors import VitrineError
from runtime.linux import constants as c
from runtime.linux import syscalls

NAMES = {"user": "user", "mount": "mnt", "pid": "pid", "network": "net", "uts": "uts", "ipc": "ipc", "cgroup": "cgroup"}


@dataclass
class Visit:
    """What `exec` was asked for."""

    process: dict[str, Any]
    console: str = ""
    pid_file: str = ""
    detach: bool = False


def enter(visit: Visit, bundle: Bundle, record: Record) -> int:
    """Start the process; its exit status, or 0 at once if nobody wants to wait."""
    person = Person(visit.process, filter_of(bundle.linux))
    console = connect(visit.console) if visit.process.get("terminal") and visit.console else None
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid_file, pidfd = PidFile(visit.pid_file), os.pidfd_open(record.pid)
    flags = _different(record.pid)
    Groups(record.cgroups).enter(os.getpid())
    person.prepare()
    syscalls.setns(pidfd, flags)
    pid = os.fork()
    if pid == 0:
        ours.close()
        _become(person, console, theirs)
    theirs.close()
    if problem := ours.recv(65536):
        os.waitpid(pid, 0)
        raise VitrineError(problem.decode(errors="replace"))
    pid_file.write(pid)
    return 0 if visit.detach else _wait(pid)


def _different(pid: int) -> int:
    """Only those namespaces that are not ours already: entering one's own user namespace is refused."""
    kinds = [
        kind for kind, name in NAMES.items() if os.readlink(f"/proc/{pid}/ns/{name}") != os.readlink(f"/proc/self/ns/{name}")
    ]
    return sum(c.NAMESPACE_FLAGS[kind] for kind in kinds)


def _become(person: Person, console: socket.socket | None, channel: socket.socket) -> None:
    """In the child: its error goes back by the channel, which execve(2) closes if there is none."""
    try:
        os.setsid()
        if console is not None:
            size = person.process.get("consoleSize") or {}
            master, slave = devices.terminal(size.get("width", 0), size.get("height", 0))
            socket.send_fds(console, [b"/dev/ptmx"], [master])
            adopt(slave)
        with contextlib.suppress(PermissionError):
            os.setresgid(0, 0, 0)
            os.setresuid(0, 0, 0)
        syscalls.close_range(FIRST_FREE, c.CLOSE_RANGE_CLOEXEC)
        person.become()
    except BaseException as error:  # noqa: BLE001 - a fork must end here whatever happens
        channel.send((str(error) or type(error).__name__).encode())
    os._exit(127)


def _wait(pid: int) -> int:
    """Pass signals on while we wait, as a shell's job expects."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, frame: os.kill(pid, received))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
