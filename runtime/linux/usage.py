"""What a container has used so far, read from its cgroup in either version. See cgroups(7)."""

from __future__ import annotations

from pathlib import Path

from runtime.linux.cgroups import Cgroup


def read(group: Cgroup) -> dict[str, int]:
    """Memory (bytes, peak, OOM kills), processor time (microseconds) and processes."""
    return {
        "memory_bytes": _number(group, "memory", "memory.usage_in_bytes", "memory.current"),
        "memory_peak_bytes": _number(group, "memory", "memory.max_usage_in_bytes", "memory.peak"),
        "oom_kills": oom_kills(group),
        "cpu_us": _cpu(group),
        "pids": _number(group, "pids", "pids.current", "pids.current"),
    }


def oom_kills(group: Cgroup) -> int:
    """How often the kernel killed a process because the memory limit was reached."""
    path = group.controller("memory")
    if not path:
        return 0
    name = "memory.events" if path == group.unified else "memory.oom_control"
    return _keyed(path / name, "oom_kill")


def _cpu(group: Cgroup) -> int:
    if (unified := group.unified) and (unified / "cpu.stat").exists():
        return _keyed(unified / "cpu.stat", "usage_usec")
    path = group.controller("cpuacct")
    return _int(path / "cpuacct.usage") // 1000 if path else 0


def _number(group: Cgroup, controller: str, v1: str, v2: str) -> int:
    path = group.controller(controller)
    return _int(path / (v2 if path == group.unified else v1)) if path else 0


def _int(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0


def _keyed(path: Path, key: str) -> int:
    try:
        pairs = dict(line.split() for line in path.read_text().splitlines())
    except (OSError, ValueError):
        return 0
    return int(pairs.get(key, 0))
