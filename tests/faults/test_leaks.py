"""Creating and deleting leaves nothing, however often (F-20)."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runtime.errors import VitrineError
from runtime.oci import state as states
from tests.faults.machine import PREFIX, Machine, cgroups, children, eventually, leaks, machine_in

CYCLES = int(os.environ.get("VITRINE_CYCLES", "30"))
SWEEP = 45.0  # the network helper looks for forgotten switches every 30 s


def descriptors(pid: int) -> int:
    """How many descriptors a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def long_lived(machine: Machine) -> list[int]:
    """The spawner and the helpers that stay."""
    assert machine.process
    return [machine.process.pid, *children(machine.process.pid)]


def grown(machine: Machine, before: dict[int, int]) -> dict[int, int]:
    """The long-lived processes that have more descriptors than before, or are new."""
    now = {pid: descriptors(pid) for pid in long_lived(machine)}
    return {pid: count for pid, count in now.items() if count > before.get(pid, 0)}


def cycle(machine: Machine, number: int) -> None:
    """One life of a sandbox, with a command in it."""
    name = f"{PREFIX}-{number}"
    machine.create(name)
    assert machine.shim(name).exec(["true"]).code == 0
    machine.client.delete(name)


def test_cycles_leave_nothing(machine: Machine) -> None:
    """F-20: After many create/delete cycles no mount, cgroup, process, file, range, link or descriptor is left."""
    cycle(machine, 0)
    assert leaks(machine) == {}
    links = set(os.listdir("/sys/class/net"))
    before = {pid: descriptors(pid) for pid in long_lived(machine)}

    for number in range(1, CYCLES + 1):
        cycle(machine, number)

    assert leaks(machine) == {}
    assert set() == set(os.listdir("/sys/class/net")) - links
    assert eventually(lambda: not grown(machine, before), SWEEP), grown(machine, before)


def test_cycles_with_a_pool_leave_nothing(run_directory: Path) -> None:
    """F-20: With sandboxes made ahead it is the same: what was taken is gone with its id, what waited with the spawner."""
    with machine_in(run_directory, VITRINE_POOL="3") as machine:
        cycle(machine, 0)
        assert eventually(lambda: machine.client.ping()["ready"] == 3)
        assert machine.process
        before = descriptors(machine.process.pid)
        for number in range(1, CYCLES + 1):
            cycle(machine, number)
        assert eventually(lambda: machine.client.ping()["ready"] == 3)
        assert eventually(lambda: descriptors(machine.process.pid) <= before)
        assert set() == machine.names()
        machine.stop()

        assert leaks(machine) == {}
        assert [] == [path for path in cgroups("pool-") if f"/{machine.paths.cgroup}/" in path]


AT_ONCE = 8


def short_life(machine: Machine, number: int) -> None:
    """A sandbox whose shim, and with it whatever it is doing, is killed after a moment of chance; then deleted."""
    name = f"{PREFIX}-k{number}"
    chance = random.Random(number)
    with contextlib.suppress(VitrineError, OSError):
        shim = machine.create(name)["state"]["shim_pid"]
        with ThreadPoolExecutor() as pool:
            pool.submit(kill_soon, machine, name, shim, chance.choice([None, 0.0, 0.002, 0.01, 0.05]))
            machine.shim(name).exec(["true"], timeout=10)
    machine.client.delete(name)


def kill_soon(machine: Machine, name: str, shim: int, delay: float | None) -> None:
    """SIGKILL by a pidfd, if it is the recorded process."""
    if delay is None:
        return
    with contextlib.suppress(OSError, VitrineError):
        pidfd = os.pidfd_open(shim)
        try:
            time.sleep(delay)
            if states.read(machine.paths.state_file(name)).shim_pid == shim:
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        finally:
            os.close(pidfd)


def slab() -> int:
    """KiB of the kernel's own memory that it cannot give back."""
    line = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("SUnreclaim:"))
    return int(line.split()[1])


def parallel_lives(machine: Machine, count: int) -> None:
    """So many short lives, eight at a time; nothing of them is left."""
    cycle(machine, 0)
    assert leaks(machine) == {}
    links = set(os.listdir("/sys/class/net"))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda number: short_life(machine, number), range(1, count + 1)))

    assert leaks(machine) == {}
    assert set() == set(os.listdir("/sys/class/net")) - links


def test_parallel_cycles_with_kills_leave_nothing(machine: Machine) -> None:
    """F-20: eight at a time, three in four killed at a random moment: every count is back to zero."""
    parallel_lives(machine, CYCLES)


@pytest.mark.nightly
def test_a_thousand_lives_leave_no_memory_of_the_kernel(machine: Machine) -> None:
    """F-20: once the kernel has taken the namespaces apart, which it does at leisure, its own memory is as before."""
    before = slab()
    parallel_lives(machine, 1000)

    assert eventually(lambda: slab() - before < 8 * 1024, seconds=180)


def test_delete_twice(machine: Machine) -> None:
    """Deleting what is already deleted is no error."""
    name = f"{PREFIX}-twice"
    machine.create(name)

    machine.client.delete(name)
    machine.client.delete(name)

    assert leaks(machine) == {}


def test_delete_while_busy(machine: Machine) -> None:
    """A sandbox full of processes that ignore signals is deleted all the same."""
    name = f"{PREFIX}-busy"
    machine.create(name)
    script = "for i in 1 2 3 4 5 6 7 8; do (trap '' TERM HUP INT; setsid sleep 1000 </dev/null >/dev/null 2>&1 &) ; done"
    assert machine.shim(name).exec(["bash", "-c", script]).code == 0

    machine.client.delete(name)

    assert leaks(machine) == {}
