"""The control groups of a bundle: at the path the engine chose, with the limits it asks for.

The same path is used below every tree that is mounted, of either version. Limits have version 1's names
in config.json; where version 2 is mounted they are translated as the specification's authors do it.

See config-linux.md "Control groups", cgroups(7), Documentation/admin-guide/cgroup-v2.rst.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runtime.errors import SpecError
from runtime.linux.cgroups import Hierarchy, hierarchies

Json = dict[str, Any]
PERIOD = 100_000
# What every container may open, whatever its rules say of devices: those that the runtime itself makes
# (null, zero, full, random, urandom, tty, console, terminals), and making a node at all.
ALWAYS: list[Json] = [
    {"allow": True, "type": kind, "major": major, "minor": minor, "access": access}
    for kind, major, minor, access in [
        ("c", None, None, "m"), ("b", None, None, "m"), ("c", 1, 3, "rwm"), ("c", 1, 5, "rwm"), ("c", 1, 7, "rwm"),
        ("c", 1, 8, "rwm"), ("c", 1, 9, "rwm"), ("c", 5, 0, "rwm"), ("c", 5, 1, "rwm"),
        ("c", 5, 2, "rwm"), ("c", 136, None, "rwm"),
    ]
]  # fmt: skip
GONE_SECONDS = 5.0


class Groups:
    """One group in each tree. `path` is `linux.cgroupsPath`, absolute below each tree's mount."""

    def __init__(self, path: str, trees: list[Hierarchy] | None = None) -> None:
        parts = Path("/", path).parts[1:]
        if not parts or ".." in parts:
            raise SpecError("linux.cgroupsPath", f"{path!r} is not a path below the top of a tree")
        self.relative = Path(*parts)
        self.trees = hierarchies() if trees is None else trees

    def directories(self) -> Iterator[tuple[Hierarchy, Path]]:
        for tree in self.trees:
            yield tree, tree.path / self.relative

    def create(self) -> None:
        """Make the groups; version 2's parents offer what controllers they have."""
        for tree, path in self.directories():
            for part in reversed([path, *path.parents][: len(self.relative.parts)]):
                part.mkdir(exist_ok=True)
                if tree.unified:
                    _offer(part.parent)
                elif "cpuset" in tree.controllers:
                    _inherit_cpuset(part)

    def enter(self, pid: int) -> None:
        for _, path in self.directories():
            (path / "cgroup.procs").write_text(str(pid))

    def limit(self, resources: Json) -> None:
        """Write every limit that is asked for; one that no tree can hold is an error, never left out."""
        for controller, old, new, value in _limits(resources):
            tree, path = self._of(controller)
            file, text = (new, _version_two(new, value)) if tree.unified else (old, str(value))
            if file:  # version 2 says some things together in one file
                _write(path / file, text)
        for controller, files in (resources.get("unified") or {}).items():
            _write(self._of(controller.split(".")[0])[1] / controller, str(files))

    def allow_devices(self, rules: list[Json]) -> None:
        """Version 1: the rules in their order. Version 2 would need a program in BPF: see verbs.FEATURES."""
        found = next(((tree, path) for tree, path in self.directories() if "devices" in tree.controllers), None)
        if found is None:
            return
        for rule in [*rules, *ALWAYS]:
            numbers = ":".join("*" if rule.get(name) is None else str(rule[name]) for name in ("major", "minor"))
            line = f"{rule.get('type') or 'a'} {numbers} {rule.get('access') or 'rwm'}"
            _write(found[1] / f"devices.{'allow' if rule.get('allow') else 'deny'}", "a" if line == "a *:* rwm" else line)

    def _of(self, controller: str) -> tuple[Hierarchy, Path]:
        for tree, path in self.directories():
            if controller in tree.controllers:
                return tree, path
        raise SpecError(f"linux.resources.{controller}", "no tree of control groups has this controller")

    def processes(self) -> list[int]:
        """The pids in the groups and below."""
        _, path = next(self.directories())
        return [int(line) for file in path.rglob("cgroup.procs") for line in file.read_text().split()]

    def freeze(self, frozen: bool) -> None:
        for tree, path in self.directories():
            if tree.unified and (path / "cgroup.freeze").exists() and len(self.trees) == 1:
                return _write(path / "cgroup.freeze", str(int(frozen)))
            if "freezer" in tree.controllers:
                return _write(path / "freezer.state", "FROZEN" if frozen else "THAWED")
        raise SpecError("linux.resources", "no tree of control groups can freeze")

    def frozen(self) -> bool:
        """Whether the processes are held by `freeze`."""
        for tree, path in self.directories():
            file = path / ("cgroup.freeze" if tree.unified else "freezer.state")
            if file.exists() and file.read_text().strip() in ("1", "FROZEN", "FREEZING"):
                return True
        return False

    def remove(self) -> None:
        """Remove the groups, deepest first, waiting a little for what is still dying."""
        until = time.monotonic() + GONE_SECONDS
        for _, path in self.directories():
            while path.exists():
                try:
                    for directory, _, _ in os.walk(path, topdown=False):
                        os.rmdir(directory)
                except FileNotFoundError:
                    continue
                except OSError:
                    if time.monotonic() > until:
                        raise
                    time.sleep(0.01)


def _limits(resources: Json) -> Iterator[tuple[str, str, str, Any]]:
    """(controller, version 1's file, version 2's file, value) of everything that is asked for."""
    table = {
        "memory": [("limit", "memory.limit_in_bytes", "memory.max"), ("reservation", "memory.soft_limit_in_bytes", "memory.low"),
                   ("swap", "memory.memsw.limit_in_bytes", "memory.swap.max"), ("swappiness", "memory.swappiness", "")],
        "cpu": [("shares", "cpu.shares", "cpu.weight"), ("period", "cpu.cfs_period_us", ""),
                ("quota", "cpu.cfs_quota_us", "cpu.max")],
        "pids": [("limit", "pids.max", "pids.max")],
    }  # fmt: skip
    for controller, rows in table.items():
        asked = resources.get(controller) or {}
        for name, old, new in rows:
            value = asked.get(name)
            if value is None or (name == "swappiness" and value < 0):
                continue
            if name == "swap" and value > 0 and not _has_swap_limit():
                continue  # the kernel keeps no such account: engines ask for it whenever they set memory
            yield controller, old, new, _with_others(controller, name, value, asked)
    cpu = resources.get("cpu") or {}
    for name, file in (("cpus", "cpuset.cpus"), ("mems", "cpuset.mems")):
        if cpu.get(name):
            yield "cpuset", file, file, cpu[name]


def _with_others(controller: str, name: str, value: int, asked: Json) -> Any:
    """Version 2 says quota and period in one file, and swap without memory."""
    if (controller, name) == ("cpu", "quota"):
        return Quota(value, asked.get("period") or PERIOD)
    if (controller, name) == ("memory", "swap"):
        return Swap(value, asked.get("limit") or 0)
    return value


class Quota(int):
    """A quota in microseconds that remembers its period."""

    def __new__(cls, quota: int, period: int) -> Quota:
        made = super().__new__(cls, quota)
        made.period = period
        return made

    period: int


class Swap(int):
    """Memory and swap together, as version 1 counts, that remembers the memory alone."""

    def __new__(cls, both: int, memory: int) -> Swap:
        made = super().__new__(cls, both)
        made.memory = memory
        return made

    memory: int


def _version_two(file: str, value: Any) -> str:
    if isinstance(value, Quota):
        return f"{value if value > 0 else 'max'} {value.period}"
    if isinstance(value, Swap):
        return "max" if value < 0 else str(value - value.memory)
    if file == "cpu.weight":  # 2..262144 becomes 1..10000
        return str(1 + (value - 2) * 9999 // 262142) if value else "100"
    return "max" if (isinstance(value, int) and value < 0) or (file == "pids.max" and value == 0) else str(value)


def _has_swap_limit() -> bool:
    return any((tree.path / "memory.memsw.limit_in_bytes").exists() or tree.unified for tree in hierarchies())


def _offer(parent: Path) -> None:
    with contextlib.suppress(OSError):  # the parent itself may have been offered less
        for name in (parent / "cgroup.controllers").read_text().split():
            with contextlib.suppress(OSError):
                (parent / "cgroup.subtree_control").write_text(f"+{name}")


def _inherit_cpuset(path: Path) -> None:
    for name in ("cpuset.cpus", "cpuset.mems"):
        if not (path / name).read_text().strip():
            (path / name).write_text((path.parent / name).read_text())


def _write(path: Path, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    except OSError as error:
        raise OSError(error.errno, f"write {text} to {path}: {error.strerror}") from error
    finally:
        os.close(fd)
