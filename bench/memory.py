"""Memory of one idle sandbox: everything of ours beyond its shell.

The proportional set size divides each shared page by the number of its users: the fair share. It is
read from smaps_rollup, see proc_pid_smaps(5). The more sandboxes, the smaller each one's share
of the interpreter they were forked with; so a handful are alive while it is read.
"""

from __future__ import annotations

from pathlib import Path

from bench.create import attach_until_prompt, request
from bench.report import OURS, Series, Table
from runtime.shim.client import ShimClient
from runtime.spawner.client import SpawnerClient


def proportional_kib(pid: int) -> int:
    """The proportional set size of a process in KiB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def memory(client: SpawnerClient, count: int) -> Table:
    """PSS of shim and init of some sandboxes, each idle at its prompt."""
    names = [f"bench-{number}" for number in range(count)]
    note = f"shim + init, {count} sandboxes alive"
    try:
        for number, name in enumerate(names):
            client.create(**request(number))
            attach_until_prompt(ShimClient(client.paths.shim_socket(name)))
        states = [client.state(name) for name in names]
        sizes = [proportional_kib(one["shim_pid"]) + proportional_kib(one["pid"]) for one in states]
    finally:
        for name in names:
            client.delete(name)
    return Table("memory of an idle sandbox", "MiB", [Series(OURS, note, [size / 1024 for size in sizes])])
