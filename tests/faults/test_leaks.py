"""Creating and deleting leaves nothing, however often (F-20)."""

from __future__ import annotations

import os
from pathlib import Path

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
