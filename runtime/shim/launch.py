"""A process on its way into the sandbox, watched without waiting.

Between clone3(2) and execve(2) the child joins control groups and namespaces, and it may do so with a
share of a processor that its neighbours have already used up. Whoever waited for it would keep every
other terminal of the sandbox waiting too. So the child writes its failure into a pipe that closes by itself
at execve(2), and the loop tells us when there is something to read.

See pipe(7), execve(2).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from runtime.container import processes
from runtime.container.processes import Spawned
from runtime.errors import StepError
from runtime.loop import READ, Loop


class Launch:
    """Calls `executed` or `failed`, once; whoever reaps the process calls `settle` first."""

    def __init__(self, loop: Loop, spawned: Spawned, executed: Callable[[], None], failed: Callable[[StepError], None]) -> None:
        self.loop, self.spawned = loop, spawned
        self.executed, self.failed = executed, failed
        self.failure: StepError | None = None
        self.settled = False
        self.timer = loop.call_later(processes.PATIENCE, self.give_up)
        loop.watch(spawned.report, READ, lambda events: self.settle())

    def give_up(self) -> None:
        """No word in all that time. The process is still ours to kill: nobody has reaped it."""
        os.kill(self.spawned.pid, signal.SIGKILL)
        self.fail(processes.late())

    def settle(self) -> None:
        """Read the report, which is there or at its end."""
        if self.settled:
            return
        self.settled = True
        self.timer.cancel()
        self.loop.unwatch(self.spawned.report)
        failure = processes.outcome(self.spawned.report)
        os.close(self.spawned.report)
        if self.failure is None:
            self.fail(failure) if failure else self.executed()

    def fail(self, failure: StepError) -> None:
        """Tell it."""
        self.failure = failure
        self.failed(failure)
