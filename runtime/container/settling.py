"""Settling: process 1 moves to the leaf of its control group, and nobody waits for it.

In version 2 a group that has controllers for groups below it holds no process itself, so process 1
belongs in a leaf. But it must have been in the group itself when its cgroup namespace was made, or
the leaf would be the top of what it sees. So it is moved, and whoever moves *another* process waits
until the kernel has seen every processor pass a quiet moment (RCU): five to fifteen milliseconds.
A child of the shim does the waiting. Commands wait for that child before they execute, since they may
look at their control groups at once; a terminal's shell, which a person types at, does not.

See cgroups(7), "Cgroups v2 no internal processes rule".
"""

from __future__ import annotations

import contextlib
import os
import select

from runtime.linux import syscalls
from runtime.linux.cgroups import Cgroup


class Settler:
    """The child that moves process 1."""

    def __init__(self, group: Cgroup, pid: int, *, open_up: bool) -> None:
        self.pidfd: int | None
        self.pid, self.pidfd = syscalls.clone3(0)
        if self.pid == 0:
            with contextlib.suppress(OSError):  # the sandbox may have ended meanwhile
                group.settle(pid)
                if open_up:
                    group.open_up()
            os._exit(0)

    def wait(self) -> None:
        """Until it is done. Children of ours may wait for it too: they inherit the pidfd."""
        if self.pidfd is not None:
            select.select([self.pidfd], [], [])

    def reap(self) -> None:
        """Wait and forget it; safe to repeat."""
        if self.pidfd is not None:
            os.waitpid(self.pid, 0)
            os.close(self.pidfd)
            self.pidfd = None
