"""The comparison of a container, a virtual machine and their host, with values measured when it is asked for.

What the host sees (memory, disk, processes) comes from the x-ray. What each sees of itself comes from one small
script that runs in both, and from the same questions asked here for the host. Whoever is root in a machine can
make the script say anything, so what it says is text within bounds, and marked.
"""

import contextlib
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.cache import cache

from labsite.labs import gateway
from labsite.labs.models import LabSession, Sandbox, Status

INSIDE = r"""
echo "kernel $(uname -r)"
read -r up _ </proc/uptime && echo "uptime $up"
set -- /proc/[0-9]* && echo "processes $#"
nodes=0
for each in /dev/* /dev/*/*; do [ -L "$each" ] || { [ -c "$each" ] || [ -b "$each" ]; } && nodes=$((nodes + 1)); done
echo "devices $nodes"
read -r source </sys/devices/system/clocksource/clocksource0/current_clocksource && echo "clocksource $source"
while read -r first second count; do echo "uid_map $first $second $count"; done </proc/self/uid_map
while read -r key value _; do [ "$key" != MemTotal: ] || echo "memory_seen $((value * 1024))"; done </proc/meminfo
echo "disk_seen $(($(stat -f -c '%b * %S' /)))"
echo "time $(date +%s.%N)"
"""
PATIENCE = 8.0
FRESH = 1.0  # seconds for which an answer is given again: asking costs a command in each machine
LONGEST = 64
# id → what its value is counted in
ROWS = {
    "kernel": "text", "accelerator": "accelerator", "start": "ms", "uptime": "seconds", "memory": "bytes", "charged": "bytes",
    "memory_seen": "bytes", "disk": "bytes", "disk_seen": "bytes", "processes_seen": "count", "processes_outside": "count",
    "devices": "count", "clock": "clock", "uid_map": "map",
}  # fmt: skip
TOLD_INSIDE = {"kernel", "uptime", "memory_seen", "disk_seen", "processes_seen", "devices", "clock", "uid_map"}
Values = dict[str, Any]


def compare(lab: LabSession) -> dict[str, Any]:
    """The table: columns, and a row for each fact with a value for each column; None where there is none."""
    key = f"compare.{lab.code}"
    if known := cache.get(key):
        return known
    began = time.monotonic()
    machines = {kind: lab.sandboxes.select_related("lab").filter(backend=kind).first() for kind in ("container", "vm")}
    values = {kind: measure(machine) if machine else {} for kind, machine in machines.items()} | {"host": of_host()}
    answer = {
        "columns": {kind: _column(machine) for kind, machine in machines.items()} | {"host": {"name": "", "status": "running"}},
        "rows": [_row(name, unit, values) for name, unit in ROWS.items()],
        "time": round(time.time(), 3),
        "took_ms": round((time.monotonic() - began) * 1000, 1),
    }
    cache.set(key, answer, FRESH)
    return answer


def _column(machine: Sandbox | None) -> dict[str, str] | None:
    return {"name": machine.name, "status": machine.status} if machine else None


def _row(name: str, unit: str, values: dict[str, Values]) -> dict[str, Any]:
    return {"id": name, "unit": unit, "inside": name in TOLD_INSIDE, **{kind: told.get(name) for kind, told in values.items()}}


def measure(sandbox: Sandbox) -> Values:
    """One machine, from outside and from inside; nothing of one that does not run."""
    if sandbox.status != Status.RUNNING:
        return {}
    return from_outside(sandbox) | from_inside(sandbox)


def from_outside(sandbox: Sandbox) -> Values:
    """What the node says: how long the start took, what it costs, what of it can be seen."""
    seen = gateway.look(sandbox).collections
    self = seen["machine"]["self"]
    groups = [group for group in seen["cgroups"].values() if group["path"] == "/"]
    charged = next((group["usage"]["memory_bytes"] for group in groups if "memory_bytes" in group["usage"]), None)
    how = {name: sandbox.machine.get(name) for name in ("accelerator", "why", "restored")} if sandbox.machine else None
    return {
        "start": _start(sandbox), "memory": self["pss_bytes"], "charged": charged, "disk": self["disk_used_bytes"],
        "processes_outside": len(seen["processes"]), "accelerator": how,
    }  # fmt: skip


def _start(sandbox: Sandbox) -> float | None:
    """From the request until a command can be run in it, in milliseconds; a prompt came later, when someone looked."""
    steps = [each for each in sandbox.timings if each.get("name") != "machine-prompt"]
    ends = [each["start_us"] + each["duration_us"] for each in steps if {"start_us", "duration_us"} <= each.keys()]
    return round(max(ends) / 1000, 1) if ends else None


def from_inside(sandbox: Sandbox) -> Values:
    """What the machine says of itself."""
    before = time.time()
    done = gateway.exec(sandbox, ["/bin/sh", "-c", INSIDE], timeout=PATIENCE, limit=4096, aside=True)
    after = time.time()
    return read(done.stdout.decode(errors="replace").splitlines(), before, after)


def read(lines: Iterable[str], before: float, after: float) -> Values:
    """Lines of a word and its values; what makes no sense is left out. The clock is read between `before` and `after`."""
    said: Values = {"uid_map": []}
    for line in lines:
        name, _, text = line[: LONGEST * 2].partition(" ")
        with contextlib.suppress(ValueError):
            if name == "uid_map" and len(said["uid_map"]) < 8:
                said["uid_map"].append([_count(each) for each in text.split()[:3]])
            elif name in ("kernel", "clocksource"):
                said[name] = "".join(letter for letter in text if letter.isprintable())[:LONGEST]
            elif name in ("uptime", "time"):
                said[name] = min(max(float(text), 0.0), 1e11)
            elif name in ("processes", "devices", "memory_seen", "disk_seen"):
                said[name] = _count(text)
    said["processes_seen"] = said.pop("processes", None)
    said["uid_map"] = said["uid_map"] or None
    said["clock"] = _clock(said.pop("clocksource", None), said.pop("time", None), before, after)
    return said


def _count(text: str) -> int:
    return min(max(int(text), 0), 1 << 62)


def _clock(source: str | None, now: float | None, before: float, after: float) -> Values | None:
    """The counter a kernel reads the time from, and how far its clock is from ours, with the doubt of asking."""
    if source is None or now is None:
        return None
    off = now - (before + after) / 2
    return {"source": source, "off_ms": round(off * 1000, 1), "doubt_ms": round((after - before) * 500, 1)}


def of_host() -> Values:
    """The same questions, asked where this process runs."""
    now = time.time()
    disk = os.statvfs("/")
    lines = [
        f"kernel {os.uname().release}", f"uptime {Path('/proc/uptime').read_text().split()[0]}",
        f"processes {sum(name.isdigit() for name in os.listdir('/proc'))}", f"devices {sum(map(_is_device, _below_dev()))}",
        f"clocksource {_first_line('/sys/devices/system/clocksource/clocksource0/current_clocksource')}",
        *(f"uid_map {' '.join(line.split())}" for line in Path("/proc/self/uid_map").read_text().splitlines()),
        f"memory_seen {os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')}", f"disk_seen {disk.f_blocks * disk.f_frsize}",
        f"time {now}",
    ]  # fmt: skip
    return read(lines, now, now)


def _below_dev() -> list[Path]:
    return [*Path("/dev").glob("*"), *Path("/dev").glob("*/*")]


def _is_device(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return not path.is_symlink() and (path.is_char_device() or path.is_block_device())
    return False


def _first_line(path: str) -> str:
    return Path(path).read_text().splitlines()[0]
