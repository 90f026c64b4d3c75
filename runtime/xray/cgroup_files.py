"""The files of a control group, in both versions, and the fact that each one holds.

| fact | version 2 | version 1 |
|---|---|---|
| memory limit | memory.max | memory.limit_in_bytes |
| processor limit | cpu.max | cpu.cfs_quota_us, cpu.cfs_period_us |
| periods in which it was stopped | cpu.stat nr_throttled | cpu.stat nr_throttled |

See cgroups(7).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from runtime.xray.reading import keyed, read

CONTROLLERS = frozenset({"cpu", "cpuacct", "memory", "pids", "freezer"})
UNLIMITED = 1 << 60  # version 1 writes "no limit" as the largest multiple of a page
Facts = dict[str, Any]


@dataclass(frozen=True)
class Reader:
    """One file: what it is called, and how what it says is put into the facts. `names` are the facts."""

    file: str
    names: dict[str, str]
    parse: Callable[[bytes, Facts, dict[str, str]], None]

    def files(self) -> dict[str, str]:
        """The file of each fact; of a file with many numbers, the word too."""
        if self.parse is _keyed:
            return {fact: f"{self.file} {word.rstrip('!')}" for word, fact in self.names.items()}
        return dict.fromkeys(self.names.values(), self.file)

    def read(self, directory: str, facts: Facts) -> None:
        """Add to the facts what the file says; a file that cannot be read says nothing."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            self.parse(read(f"{directory}/{self.file}"), facts, self.names)


def _put(facts: Facts, name: str, value: Any) -> None:
    group, _, word = name.partition(".")
    facts[group][word] = value


def _single(data: bytes, facts: Facts, names: dict[str, str]) -> None:
    """One number, or `max`."""
    value = None if data.strip() in (b"max", b"-1") else int(data)
    _put(facts, names[""], None if value is not None and value >= UNLIMITED else value)


def _keyed(data: bytes, facts: Facts, names: dict[str, str]) -> None:
    """Lines of word and number; `word/1000` is in nanoseconds."""
    values = keyed(data)
    for word, name in names.items():
        plain = word.rstrip("!")
        if (value := values.get(plain.encode())) is not None:
            _put(facts, name, value // 1000 if plain != word else value)


def _cpu_max(data: bytes, facts: Facts, names: dict[str, str]) -> None:
    """quota and period."""
    quota, period = data.split()
    _put(facts, names["quota"], None if quota == b"max" else int(quota))
    _put(facts, names["period"], int(period))


def _nanoseconds(data: bytes, facts: Facts, names: dict[str, str]) -> None:
    _put(facts, names[""], int(data) // 1000)


def _frozen(data: bytes, facts: Facts, names: dict[str, str]) -> None:
    facts["frozen"] = data.strip() in (b"1", b"FROZEN")


def _pressure(data: bytes, facts: Facts, names: dict[str, str]) -> None:
    """`some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, and the same for `full`."""
    values: dict[str, Any] = {}
    for line in data.decode().splitlines():
        kind, *pairs = line.split()
        words = dict(pair.split("=") for pair in pairs)
        values[f"{kind}_us"], values[f"{kind}_avg10"] = int(words["total"]), float(words["avg10"])
    _put(facts, names[""], values)


CPU_STAT = {"nr_periods": "events.cpu_periods", "nr_throttled": "events.cpu_throttled"}
UNIFIED = [
    Reader("memory.max", {"": "limits.memory_bytes"}, _single),
    Reader("memory.swap.max", {"": "limits.swap_bytes"}, _single),
    Reader("cpu.max", {"quota": "limits.cpu_quota_us", "period": "limits.cpu_period_us"}, _cpu_max),
    Reader("cpu.weight", {"": "limits.cpu_weight"}, _single),
    Reader("pids.max", {"": "limits.pids"}, _single),
    Reader("memory.current", {"": "usage.memory_bytes"}, _single),
    Reader("memory.peak", {"": "usage.memory_peak_bytes"}, _single),
    Reader("pids.current", {"": "usage.pids"}, _single),
    Reader("cpu.stat", {
        "usage_usec": "usage.cpu_us", "user_usec": "usage.cpu_user_us", "system_usec": "usage.cpu_system_us",
        **CPU_STAT, "throttled_usec": "events.cpu_throttled_us",
    }, _keyed),
    Reader("memory.events", {"max": "events.memory_limit_hits", "oom_kill": "events.oom_kills"}, _keyed),
    Reader("pids.events", {"max": "events.pids_limit_hits"}, _keyed),
    Reader("cgroup.freeze", {"": "frozen"}, _frozen),
    *(Reader(f"{name}.pressure", {"": f"pressure.{name}"}, _pressure) for name in ("cpu", "memory", "io")),
]  # fmt: skip
LEGACY = [
    Reader("memory.limit_in_bytes", {"": "limits.memory_bytes"}, _single),
    Reader("cpu.cfs_quota_us", {"": "limits.cpu_quota_us"}, _single),
    Reader("cpu.cfs_period_us", {"": "limits.cpu_period_us"}, _single),
    Reader("cpu.shares", {"": "limits.cpu_weight"}, _single),
    Reader("pids.max", {"": "limits.pids"}, _single),
    Reader("memory.usage_in_bytes", {"": "usage.memory_bytes"}, _single),
    Reader("memory.max_usage_in_bytes", {"": "usage.memory_peak_bytes"}, _single),
    Reader("cpuacct.usage", {"": "usage.cpu_us"}, _nanoseconds),
    Reader("cpuacct.usage_user", {"": "usage.cpu_user_us"}, _nanoseconds),
    Reader("cpuacct.usage_sys", {"": "usage.cpu_system_us"}, _nanoseconds),
    Reader("pids.current", {"": "usage.pids"}, _single),
    Reader("cpu.stat", {**CPU_STAT, "throttled_time!": "events.cpu_throttled_us"}, _keyed),
    Reader("memory.failcnt", {"": "events.memory_limit_hits"}, _single),
    Reader("memory.oom_control", {"oom_kill": "events.oom_kills"}, _keyed),
    Reader("pids.events", {"max": "events.pids_limit_hits"}, _keyed),
    Reader("freezer.state", {"": "frozen"}, _frozen),
]


def readers(directory: str, unified: bool) -> list[Reader]:
    """The readers of the files that this group has."""
    return [reader for reader in (UNIFIED if unified else LEGACY) if os.path.exists(f"{directory}/{reader.file}")]
