"""Another process for a container that lives: terminals' shells, checks, commands.

The kernel has no call "run this in there". A child of ours walks in: it joins the control
groups (born in that of version 2), enters the namespaces of process 1 by its pidfd, gives up what every process of the
container gives up, and executes. Its parent is the shim, so its exit status is ours to read.

On the way it is neither host nor guest: it has the host's memory and the guest's neighbours.
So it is made unreadable (PR_SET_DUMPABLE) before it enters, and imports nothing after: a file
opened then would be the guest's.

See setns(2), pidfd_open(2), ptrace(2).
"""

from __future__ import annotations

import errno
import os
import select
import signal
import struct
from dataclasses import dataclass

from runtime.container import confine
from runtime.container.making import Maker
from runtime.errors import StepError
from runtime.linux import constants as c
from runtime.linux import syscalls, terminals
from runtime.linux.cgroups import Cgroup, enter_by
from runtime.oci.spec import PATH, Process, Spec

# The pid namespace is not among them: it holds for children only, and the shim has entered it.
ENTERED = c.CLONE_NEWUSER | c.CLONE_NEWNS | c.CLONE_NEWNET | c.CLONE_NEWUTS | c.CLONE_NEWIPC | c.CLONE_NEWCGROUP | c.CLONE_NEWTIME
PATIENCE = 10.0
_FAILURE = struct.Struct("=i32s")


@dataclass(frozen=True)
class Spawned:
    """A process on its way in. It has a terminal's master, or three pipes; the caller closes them all.

    `report` becomes readable once it is known how the way went: see `outcome`.
    """

    pid: int
    pidfd: int
    report: int
    master: int | None = None
    stdin: int | None = None
    stdout: int | None = None
    stderr: int | None = None


@dataclass(frozen=True)
class Host:
    """What the shim keeps of its container in order to start processes in it."""

    spec: Spec
    group: Cgroup
    uid: int
    init_pidfd: int
    ptmx: int
    maker: Maker


def spawn(host: Host, process: Process, *, terminal: bool, cols: int = 80, rows: int = 24) -> Spawned:
    """Start it, and return once it has executed; raise StepError with the OSError if it could not."""
    begun = begin(host, process, terminal=terminal, cols=cols, rows=rows)
    failure = _await_exec(begun)
    os.close(begun.report)
    if failure is None:
        return begun
    os.waitpid(begun.pid, 0)
    for fd in (begun.pidfd, begun.master, begun.stdin, begun.stdout, begun.stderr):
        if fd is not None:
            os.close(fd)
    raise failure


def begin(
    host: Host, process: Process, *, terminal: bool, cols: int = 80, rows: int = 24, stdin: int | None = None
) -> Spawned:  # fmt: skip
    """Start it, and do not wait: in a container that has used up its processors execve(2) may be seconds away.

    `stdin` is a descriptor to be its standard input in place of a pipe; then `Spawned.stdin` is None.
    """
    process.validate()
    ours, theirs = _terminal(host, process, cols, rows) if terminal else _pipes(host, process)
    if stdin is not None:
        os.close(ours[0])
        os.close(theirs[0])
        ours, theirs = ours[1:], [os.dup(stdin), *theirs[1:]]
    try:
        return _fork(host, process, ours, theirs, terminal)
    except BaseException:
        for fd in ours:
            os.close(fd)
        raise
    finally:
        for fd in set(theirs):
            os.close(fd)


def _terminal(host: Host, process: Process, cols: int, rows: int) -> tuple[list[int], list[int]]:
    master, peer = terminals.open_pair(host.ptmx, host.uid + process.uid, host.uid + 5)
    terminals.resize(master, cols, rows)
    return [master], [peer] * 3


def _pipes(host: Host, process: Process) -> tuple[list[int], list[int]]:
    """Pipes belong to the guest's user, so that /dev/stdout may be opened again."""
    stdin, stdout, stderr = os.pipe(), os.pipe(), os.pipe()
    theirs = [stdin[0], stdout[1], stderr[1]]
    for fd in theirs:
        os.fchown(fd, host.uid + process.uid, host.uid + process.gid)
    return [stdin[1], stdout[0], stderr[0]], theirs


def _fork(host: Host, process: Process, ours: list[int], theirs: list[int], terminal: bool) -> Spawned:
    read_end, write_end = os.pipe()
    birthplace = host.group.birthplace(leaf=True)
    try:
        pid, pidfd = syscalls.clone3(0, group=birthplace)
        if pid == 0:
            _child(host, process, theirs, write_end, terminal)
    except BaseException:
        os.close(read_end)
        raise
    finally:
        os.close(write_end)
        if birthplace is not None:
            os.close(birthplace)
    if terminal:
        return Spawned(pid, pidfd, read_end, ours[0])
    return Spawned(pid, pidfd, read_end, None, *([None] * (3 - len(ours))), *ours)


def _await_exec(begun: Spawned) -> StepError | None:
    if select.select([begun.report], [], [], PATIENCE)[0]:
        return outcome(begun.report)
    os.kill(begun.pid, signal.SIGKILL)
    return late()


def late() -> StepError:
    """What to say when no report came within PATIENCE."""
    return StepError("exec", OSError(errno.ETIMEDOUT, "the program could not be started in time"))


def outcome(report: int) -> StepError | None:
    """Read a report that is readable. It closes by itself at execve(2); what arrives before that is the failure."""
    data = os.read(report, _FAILURE.size)
    if not data:
        return None
    number, step = _FAILURE.unpack(data)
    return StepError(step.rstrip(b"\0").decode(), OSError(number, os.strerror(number)))


def _child(host: Host, process: Process, fds: list[int], report: int, terminal: bool) -> None:
    """Never returns. `step` is what the report names when something fails."""
    step = "enter"
    try:
        enter_by(host.group.doors())
        if not terminal:
            host.maker.wait()
        confine.make_expendable()
        confine.prepare(host.spec)
        step = "setns"
        syscalls.setns(host.init_pidfd, ENTERED)
        step = "stdio"
        _stdio(fds, terminal)
        step = "confine"
        confine.default_signals()
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
        confine.surrender(host.spec, process.uid, process.gid, process.groups)
        step = "cwd"
        _change_directory(process.cwd)
        step = "exec"
        os.umask(0o022)
        syscalls.close_range(3, c.CLOSE_RANGE_CLOEXEC)
        _execute(process)
    except OSError as error:
        os.write(report, _FAILURE.pack(error.errno or errno.EIO, step.encode()))
    except BaseException:  # noqa: BLE001 - nothing may escape into the parent's code
        os.write(report, _FAILURE.pack(errno.EIO, step.encode()))
    os._exit(126)


def _stdio(fds: list[int], terminal: bool) -> None:
    if terminal:
        terminals.adopt(fds[0])
    else:
        os.setsid()
    for number, fd in enumerate(fds):
        os.dup2(fd, number)


def _change_directory(path: str) -> None:
    """And make sure that it is inside: a directory left open elsewhere was once a way out (CVE-2024-21626)."""
    os.chdir(path)
    if not os.getcwd().startswith("/"):
        raise OSError(errno.ENOENT, "the working directory is outside of the root")


def _execute(process: Process) -> None:
    """execvp(3) by hand: the library's version would import a module at this point."""
    name = process.args[0]
    places = [""] if "/" in name else [d + "/" for d in process.env.get("PATH", PATH).split(":") if d]
    failure = OSError(errno.ENOENT, "no such program")
    for place in places:
        try:
            os.execve(place + name, process.args, process.env)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                failure = error
    raise failure
