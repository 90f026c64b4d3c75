"""The virtual machine next to the container of the same image: time to the prompt, phases, memory, disk.

Both are asked for as a lesson asks for them, in turns, from spawners without a pool, so that a noisy moment
hits all. *Booted* is a machine with no state to begin with; *restored* begins with that of another. A row
never mixes the two: the machine's own word is asked.

Memory is the proportional set size of QEMU (shared pages divided among their users, see
proc_pid_smaps(5)), and for both the charge of the control group, in which page cache counts too.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

from bench.create import attach_until_prompt
from bench.memory import proportional_kib
from bench.report import OURS, Series, Table
from runtime.image.store import Store
from runtime.shim.client import ShimClient
from runtime.spawner.client import SpawnerClient
from runtime.vm import room, snapshots

KINDS = ("booted", "restored")
PHASES = ("supervisor", "qemu", "kernel", "init", "restored", "ready", "prompt")
Rows = dict[str, list[dict[str, Any]]]


def request(name: str, backend: str) -> dict[str, object]:
    """The same image, the same network, the same processor."""
    network = {"net": "lab", "lab": name, "lab_index": 0}
    return {"id": name, "image": "linux", "backend": backend, "hostname": "box", "memory": 128 << 20, "cpus": 1.0, **network}


def measure(client: SpawnerClient, backend: str, number: int) -> dict[str, Any]:
    """One, from the request to its prompt, and what it costs while it idles there."""
    name = f"bench-vm-{number}"
    start = time.monotonic()
    client.create(**request(name, backend))
    try:
        shim = ShimClient(client.paths.shim_socket(name))
        attach_until_prompt(shim)
        taken = (time.monotonic() - start) * 1000
        seen = shim.state()
        pids = [int(process["pid"]) for process in shim.observe()["processes"]]
        sizes = {pid: proportional_kib(pid) / 1024 for pid in pids}
        guest = sum(size for pid, size in sizes.items() if _name(pid).startswith("qemu") or backend == "container")
        usage = seen["usage"]["memory_bytes"] / (1 << 20)
        return {"ms": taken, "pss": guest, "group": usage, "processes": len(pids), "machine": seen.get("machine", {})}
    finally:
        client.delete(name)


def _name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text()


def rounds_of(booting: SpawnerClient, restoring: SpawnerClient, rounds: int) -> Rows:
    """In turns. The first round warms caches and leaves the state that later ones are restored from."""
    found: Rows = {"container": [], **{kind: [] for kind in KINDS}}
    for number in range(rounds + 1):
        for client, backend in ((restoring, "container"), (booting, "vm"), (restoring, "vm")):
            row = measure(client, backend, number)
            kind = KINDS[row["machine"]["restored"]] if row["machine"] else "container"
            if number:
                found[kind].append(row)
    return found


def vm(booting: SpawnerClient, restoring: SpawnerClient, rounds: int) -> list[Table]:
    """All the tables."""
    found = rounds_of(booting, restoring, rounds)
    facts = found["booted"][0]["machine"]
    how = f"{facts['accelerator']}, KVM {facts['why']}, {facts['memory_mib']} MiB, kernel {facts['kernel']}"

    def series(figure: str) -> list[Series]:
        names = {"container": (OURS, "a container, made cold"), "booted": ("vm booted", how), "restored": ("vm restored", how)}
        return [Series(*names[kind], [row[figure] for row in rows]) for kind, rows in found.items()]

    return [
        Table("request to prompt", "ms", series("ms")),
        *[_phases(kind, found[kind]) for kind in KINDS],
        Table("memory at the prompt: PSS of the container's processes, of QEMU", "MiB", series("pss")),
        Table("memory at the prompt: charge of the control group", "MiB", series("group")),
        Table("processes that the host sees", "processes", series("processes")),
        _disk(booting),
    ]


def _phases(kind: str, rows: list[dict[str, Any]]) -> Table:
    """When each phase was over, in ms from the request, in order of time."""
    times = {name: [row["machine"]["phases"][name] for row in rows if name in row["machine"]["phases"]] for name in PHASES}
    ordered = sorted((name for name in PHASES if times[name]), key=lambda name: statistics.median(times[name]))
    return Table(f"phases, {kind}", "ms", [Series(name, "", times[name]) for name in ordered])


def _disk(client: SpawnerClient) -> Table:
    """Once for all machines of an image; one of them adds nothing, since what it writes stays in its memory."""
    layers = Store(client.paths.images).lookup("linux").layers
    place = room.make(client.paths, layers).layer / "guest"
    states = list(snapshots.place(client.paths).glob(f"{place.parent.name[: snapshots.PREFIX]}-*"))
    parts = {"disk": [place / "disk"], "kernel": [place / "vmlinux"], "first root": [place / "initrd"], "a state": states[:1]}
    sizes = {name: sum(file.stat().st_blocks * 512 for file in files) / (1 << 20) for name, files in parts.items()}
    return Table("disk, shared by all machines of the image", "MiB", [Series(name, "", [size]) for name, size in sizes.items()])
