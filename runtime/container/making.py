"""Making: a child of the shim makes the container, and goes; the memory that took goes with it.

A fork shares its parent's memory until either writes to a page, and in Python to use an object
is to write to it (its count of users lies in it). A shim that had made its container itself would
keep two more mebibytes of copied pages for the rest of its life. So a child does it. The
container's process 1 is born as the shim's child all the same (CLONE_PARENT), and the shim enters
the mount namespace that the child has filled.

Before the child ends it does what nobody should wait for. In version 2 of control groups, process 1
belongs in a leaf of its group, but must have been in the group itself when its cgroup namespace
was made. So it has to be moved, and whoever moves *another* process waits until every processor
has passed a quiet moment (RCU): five to fifteen milliseconds, in which nobody can be born in a
group either. A shell that somebody waits for goes first: the move is made a moment later. Commands
wait for it before they execute, since they may look at their control groups at once.

See clone(2), fork(2), setns(2), cgroups(7) ("no internal processes rule").
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
from pathlib import Path
from typing import NoReturn

from runtime.container.birth import Birth
from runtime.errors import StepError, VitrineError
from runtime.events import Event, Silence
from runtime.linux import constants as c
from runtime.linux import syscalls
from runtime.plan import StepTiming

SHELLS_FIRST = 0.25  # seconds in which a first shell may be started before process 1 is moved
LARGEST_REPORT = 128 * 1024


class Maker:
    """The child that makes a container. `timings` are the steps it took, in order."""

    def __init__(self, birth: Birth, *, parked: bool) -> None:
        """Return when the container is there, or raise StepError with everything undone."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.pidfd: int | None
        self.pid, self.pidfd = syscalls.clone3(0)
        if self.pid == 0:
            ours.close()
            _make(birth, theirs, parked)
        theirs.close()
        self.channel = ours
        try:
            self.timings = self._receive(birth, ours)
        except BaseException:
            self.channel.close()
            end_all()
            raise

    def _receive(self, birth: Birth, channel: socket.socket) -> list[StepTiming]:
        """Take over what the child made."""
        data, fds, _, _ = socket.recv_fds(channel, LARGEST_REPORT, 4)
        report = json.loads(data or b'{"step": "make", "error": "the process that makes it died"}')
        if "error" in report:
            raise StepError(report["step"], report["error"])
        assert self.pidfd is not None
        syscalls.setns(self.pidfd, c.CLONE_NEWNS)
        birth.uid, birth.pid, birth.ours = report["uid"], report["pid"], True
        birth.pidfd = os.pidfd_open(birth.pid)
        birth.mounted = [Path(path) for path in report["mounted"]]
        birth.ptmx, birth.log, *lab = fds
        birth.lab_fd, birth.tap = (*lab, -1, -1)[:2]
        channel.send(b"entered")
        timings = [StepTiming.from_dict(timing) for timing in report["timings"]]
        for timing in timings:
            birth.monitor.tell(Event("step.done", birth.spec.id, timing.to_dict()))
        return timings

    def hurry(self) -> None:
        """Have process 1 moved now."""
        self.channel.close()

    def wait(self) -> None:
        """Until process 1 is where it stays. Children of ours may wait too: they inherit the pidfd."""
        if self.pidfd is not None:
            select.select([self.pidfd], [], [])

    def reap(self) -> None:
        """Wait and forget it; safe to repeat."""
        self.hurry()
        if self.pidfd is not None:
            os.waitpid(self.pid, 0)
            os.close(self.pidfd)
            self.pidfd = None


def end_all() -> None:
    """After a failure: whoever was born as our child goes, since its group can be removed only then. By pid, not by
    group: the failure may have been that another container has the id."""
    try:
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    except OSError:
        return  # a kernel without that file: `cleanup` kills by group, once the id is known to be ours
    for pid in map(int, children):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def _make(birth: Birth, channel: socket.socket, parked: bool) -> NoReturn:
    """In the child: run the plan, report, and settle process 1."""
    status = 1
    try:
        syscalls.prctl(c.PR_SET_PDEATHSIG, signal.SIGKILL)
        birth.monitor = Silence()  # the shim tells, once it knows
        plan = birth.plan(parked=parked)
        plan.run(birth.monitor)
        report = {"uid": birth.uid, "pid": birth.pid, "mounted": [str(path) for path in birth.mounted]}
        timings = sorted([*plan.timings, *birth.inside], key=lambda timing: timing.start_us)
        report["timings"] = [timing.to_dict() for timing in timings]
        fds = [birth.ptmx, birth.log, *(fd for fd in (birth.lab_fd, birth.tap) if fd >= 0)]
        socket.send_fds(channel, [json.dumps(report).encode()], fds)
        if channel.recv(16):  # the shim has entered our mount namespace
            select.select([channel], [], [], SHELLS_FIRST)
        birth.settle()
        status = 0
    except (VitrineError, OSError) as error:
        failed, cause = (error.step, error.cause) if isinstance(error, StepError) else ("make", error)
        with contextlib.suppress(OSError):
            channel.send(json.dumps({"step": failed, "error": f"{cause}"}).encode())
    finally:
        os._exit(status)
