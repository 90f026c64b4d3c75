"""The life of a container, from create to delete. This is all that the shim needs to know.

Deleting needs nothing but the id: every name (directory, control group, lease) follows from it,
mounts and network vanish with their namespaces, and process 1 dies with the shim. So what a
killed shim leaves behind can be removed by anyone, at any time, twice.

See the "Lifecycle" section of the OCI runtime specification.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

from runtime.container import ranges
from runtime.container.birth import BORN, Birth, NetworkPort
from runtime.container.making import Maker
from runtime.container.processes import Host, Spawned, begin, spawn
from runtime.errors import NotFoundError, SpecError
from runtime.events import Event, Monitor
from runtime.linux import constants as c
from runtime.linux import syscalls, usage
from runtime.linux.cgroups import Cgroup
from runtime.oci import state as states
from runtime.oci.spec import Process, Spec
from runtime.oci.state import State
from runtime.paths import Paths, check_id, is_pooled

DEATH = 10.0  # seconds that killed processes may take to disappear


class Container:
    """A container that was created. It belongs to this process and dies with it."""

    def __init__(self, birth: Birth, maker: Maker) -> None:
        self.spec = birth.spec
        self.paths = birth.paths
        self.monitor = birth.monitor
        self.init_pid = birth.pid
        self.init_pidfd = birth.pidfd
        self.timings = maker.timings
        self.exit_status: int | None = None
        self._birth = birth
        self._maker = maker
        self._host = Host(birth.spec, birth.group, birth.uid, birth.pidfd, birth.ptmx, maker)
        self._deleted = False
        self._spawned: list[int] = []

    @classmethod
    def create(
        cls,
        spec: Spec,
        layers: list[Path],
        paths: Paths,
        monitor: Monitor,
        network: NetworkPort | None = None,
        *,
        parked: bool = False,
    ) -> Container:
        """Make it whole, or raise StepError having undone everything. What is `parked` awaits `take`.

        The calling process must be root and single-threaded. It enters a new mount namespace, and
        from here on its children are born in the container's pid namespace.
        """
        birth = Birth(spec, layers, paths, monitor, network, Cgroup(spec.id, parent=paths.cgroup))
        maker = Maker(birth, parked=parked)
        syscalls.prctl(c.PR_SET_DUMPABLE, 0)
        syscalls.setns(birth.pidfd, c.CLONE_NEWPID)
        container = cls(birth, maker)
        if parked:
            container.settled()
        else:
            container.record("created")
        return container

    def take(self, spec: Spec, network: NetworkPort | None, epoch: float) -> None:
        """Become the sandbox that was asked for at `epoch`; raise StepError if that fails, and then be
        deleted. The spec differs from ours in what is particular to a request, and in nothing else."""
        plan = self._birth.taking(spec, network, epoch)
        plan.run(self.monitor)
        waited = round((epoch - self._birth.epoch) * 1e6)
        self.timings = [*(timing.before(waited) for timing in self.timings), *plan.timings]
        self.spec, self._host = spec, replace(self._host, spec=spec)
        self.record("created")

    @property
    def layers(self) -> list[Path]:
        """The image's trees, lowest first."""
        return self._birth.layers

    @property
    def lab_fd(self) -> int:
        """What keeps the laboratory's network namespace; -1 without a laboratory."""
        return self._birth.lab_fd

    @property
    def epoch(self) -> float:
        """The moment on CLOCK_MONOTONIC from which the timings count."""
        return self._birth.epoch

    def release_tap(self) -> int:
        """A machine's tap device, which is then the caller's; -1 without a laboratory."""
        tap, self._birth.tap = self._birth.tap, -1
        return tap

    @property
    def uid_base(self) -> int:
        return self._host.uid

    @property
    def group(self) -> Cgroup:
        return self._host.group

    def record(self, status: str) -> State:
        """Write state.json and tell the monitor."""
        me = os.getpid()
        state = State(
            self.spec.id,
            status,
            self.init_pid,
            str(self.paths.sandbox(self.spec.id)),
            dict(self.spec.annotations),
            start_time=states.start_time(self.init_pid),
            boot_id=states.boot_id(),
            shim_pid=me,
            shim_start_time=states.start_time(me),
            uid_base=self.uid_base,
            created=time.time(),
        )
        with contextlib.suppress(NotFoundError, SpecError):
            state = replace(state, created=states.read(self.paths.state_file(self.spec.id)).created)
        states.write(self.paths.state_file(self.spec.id), state)
        self.monitor.tell(Event(f"container.{status}", self.spec.id))
        return state

    def spawn(self, process: Process, *, terminal: bool, cols: int = 80, rows: int = 24) -> Spawned:
        """Start another process inside; see `processes`."""
        if not terminal:
            self._maker.hurry()
        spawned = spawn(self._host, process, terminal=terminal, cols=cols, rows=rows)
        self._spawned.append(spawned.pid)
        return spawned

    def begin(self, process: Process, *, terminal: bool, cols: int = 80, rows: int = 24, stdin: int | None = None) -> Spawned:
        """The same without waiting for its execve(2)."""
        if not terminal:
            self._maker.hurry()
        begun = begin(self._host, process, terminal=terminal, cols=cols, rows=rows, stdin=stdin)
        self._spawned.append(begun.pid)
        return begun

    def settled(self) -> None:
        """Wait until process 1 is where it stays, and reap the one who moved it."""
        self._maker.reap()

    @property
    def maker_pidfd(self) -> int | None:
        """Readable when `settled` will not have to wait; None when it was called."""
        return self._maker.pidfd

    def kill(self, number: int) -> None:
        """Signal process 1. SIGTERM and SIGKILL end the container; init takes no notice of others."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.init_pidfd, number)

    def pause(self) -> None:
        self.group.freeze(True)
        self.record("paused")

    def resume(self) -> None:
        self.group.freeze(False)
        self.record("running")

    def usage(self) -> dict[str, int]:
        return usage.read(self.group)

    def oom_kills(self) -> int:
        return usage.oom_kills(self.group)

    def delete(self) -> None:
        """Kill, wait, and remove every trace; safe to repeat."""
        if self._deleted:
            return
        self._deleted = True
        self.settled()
        with contextlib.suppress(OSError):
            self.group.kill()
        self.kill(signal.SIGKILL)
        self._reap()
        self._birth.kill()
        self._birth.unmount()
        _remove(self._birth.spec.id, self.paths, self.group)
        self.monitor.tell(Event("container.deleted", self.spec.id))

    def _reap(self) -> None:
        """Process 1 cannot end before its namespace is empty, and those we spawned are ours to reap."""
        for pid in self._spawned:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
        self._spawned.clear()


def live_state(identifier: str, paths: Paths) -> State:
    """The record, corrected by what the kernel says: a recorded pid proves nothing by itself."""
    state = states.read(paths.state_file(identifier))
    if state.id != identifier:
        raise SpecError("state.id", f"is {state.id}, not {identifier}")
    if state.status != "stopped" and not states.is_alive(state.pid, state.start_time, state.boot_id):
        return state.with_status("stopped")
    return state


def cleanup(identifier: str, paths: Paths) -> None:
    """Remove a container by its id alone, when its shim is dead or was never there.

    Whoever still lives in its control group is killed: nobody else has any business there.
    """
    group = Cgroup(born(identifier, paths), parent=paths.cgroup)
    with contextlib.suppress(OSError, SpecError, NotFoundError):
        state = live_state(identifier, paths)
        if state.status != "stopped":
            _kill_checked(state)
    with contextlib.suppress(OSError):
        group.freeze(False)
    with contextlib.suppress(OSError):
        group.kill()
    _await_empty(group)
    _remove(identifier, paths, group)


def born(identifier: str, paths: Paths) -> str:
    """The name of a container's control groups: its id, unless it came from the pool."""
    try:
        fd = os.open(paths.sandbox(identifier) / BORN, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return identifier
    with os.fdopen(fd) as file:
        name = file.read(64)
    return check_id(name) if is_pooled(name) else identifier


def _kill_checked(state: State) -> None:
    """Kill init by a pidfd taken first and checked after, so that a reused pid is never hit."""
    fd = os.pidfd_open(state.pid)
    try:
        if states.is_alive(state.pid, state.start_time, state.boot_id):
            signal.pidfd_send_signal(fd, signal.SIGKILL)
    finally:
        os.close(fd)


def _await_empty(group: Cgroup) -> None:
    deadline = time.monotonic() + DEATH
    while group.processes() and time.monotonic() < deadline:
        time.sleep(0.01)


def _remove(identifier: str, paths: Paths, group: Cgroup) -> None:
    """The directory goes before the lease: ids may be reused only when no file bears them."""
    group.remove(DEATH)
    directory = paths.sandbox(identifier)
    if directory.is_symlink():
        directory.unlink()
    shutil.rmtree(directory, ignore_errors=True)
    for name in {identifier, group.id}:
        ranges.release(paths, name)
