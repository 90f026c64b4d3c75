"""Control groups: what a group of processes may use, and has used.

There are two versions, and a *hybrid* host mounts both: version 1 has one tree for each
controller, version 2 one tree for all. A container gets a group of the same name in **every**
tree. If one were left out, root inside could mount that tree from the top and read the names of
the other containers in it: a cgroup namespace hides only what lies above one's own group.

A process that is *moved* makes the kernel wait until no process anywhere forks or ends (several
milliseconds, and ten hierarchies would wait ten times). Two ways avoid the wait: to be born in the
group (CLONE_INTO_CGROUP, version 2), and to move *oneself*, a single thread, by writing 0 to
`tasks` (version 1). Every process of a container comes in that way; see docs/adr.

See cgroups(7), cgroup_namespaces(7), clone(2). Without it one guest can take all memory and processors.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

PARENT = "vitrine"
LEAF = "init.scope"  # version 2: a group that has controllers for its children holds no process itself
CONTROLLERS = ("cpu", "memory", "pids", "io", "cpuset")


@dataclass(frozen=True)
class Hierarchy:
    """One mounted tree. `options` are its controllers (version 1) or empty (version 2)."""

    path: Path
    options: str
    unified: bool

    @property
    def controllers(self) -> frozenset[str]:
        if self.unified:
            return frozenset(_read(self.path / "cgroup.controllers").split())
        return frozenset(self.options.split(","))


def hierarchies(mountinfo: str | None = None) -> list[Hierarchy]:
    """Every cgroup tree mounted here, once each. See proc_pid_mountinfo(5)."""
    text = Path("/proc/self/mountinfo").read_text() if mountinfo is None else mountinfo
    found: dict[str, Hierarchy] = {}
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, superoptions = after.split(" ", 2)
        if kind not in ("cgroup", "cgroup2"):
            continue
        device, point = before.split()[2], before.split()[4]
        words = [word for word in superoptions.split(",") if word not in ("rw", "ro", "xattr", "nsdelegate")]
        options = ",".join(word for word in words if not word.startswith(("release_agent=", "clone_", "memory_", "favor")))
        found.setdefault(device, Hierarchy(Path(point), options if kind == "cgroup" else "", kind == "cgroup2"))
    return list(found.values())


class Cgroup:
    """The groups of one container, all named after its id."""

    def __init__(self, identifier: str, trees: list[Hierarchy] | None = None, parent: str = PARENT) -> None:
        self.id = identifier
        self.parent = parent
        self.trees = hierarchies() if trees is None else trees

    def path(self, tree: Hierarchy) -> Path:
        return tree.path / self.parent / self.id

    @property
    def unified(self) -> Path | None:
        return next((self.path(tree) for tree in self.trees if tree.unified), None)

    def controller(self, name: str) -> Path | None:
        """The group that has this controller, whichever version it is in."""
        return next((self.path(tree) for tree in self.trees if name in tree.controllers), None)

    def create(self) -> None:
        for tree in self.trees:
            path = self.path(tree)
            _make(path)
            if tree.unified:
                _enable(tree.path, tree.controllers)
                _enable(path.parent, tree.controllers)
                (path / LEAF).mkdir(exist_ok=True)
            elif "cpuset" in tree.controllers:
                _fill_cpuset(tree.path, path)

    def limit(self, memory: int, cpus: float, pids: int) -> None:
        """Set the bounds; a controller that is nowhere mounted is `doctor`'s to report."""
        unified = self.unified
        for name, v1, v2 in (
            (
                "memory",
                [("memory.limit_in_bytes", memory), ("memory.memsw.limit_in_bytes", memory)],
                [("memory.max", memory), ("memory.swap.max", 0), ("memory.oom.group", 0)],
            ),
            (
                "cpu",
                [("cpu.cfs_period_us", 100_000), ("cpu.cfs_quota_us", round(cpus * 100_000))],
                [("cpu.max", f"{round(cpus * 100_000)} 100000")],
            ),
            ("pids", [("pids.max", pids)], [("pids.max", pids)]),
        ):
            path = self.controller(name)
            if path is None:
                continue
            for file, value in v2 if path == unified else v1:
                if (path / file).exists():
                    _write(path / file, str(value))

    def delegate(self, uid: int) -> None:
        """Let the guest's root make groups below its own. The limits above stay ours."""
        for tree in self.trees:
            path = self.path(tree)
            names = _read(Path("/sys/kernel/cgroup/delegate")).split() if tree.unified else ["cgroup.procs", "tasks"]
            for directory in (path, path / LEAF) if tree.unified else (path,):
                os.chown(directory, uid, uid)
                for name in names:
                    with contextlib.suppress(FileNotFoundError):
                        os.chown(directory / name, uid, uid)

    def doors(self) -> list[int]:
        """A descriptor for each version 1 tree; whoever holds them may `enter_by` them."""
        flags = os.O_WRONLY | os.O_CLOEXEC
        return [os.open(self.path(tree) / "tasks", flags) for tree in self.trees if not tree.unified]

    def birthplace(self, *, leaf: bool) -> int | None:
        """Version 2: the group, or its leaf, as a descriptor for CLONE_INTO_CGROUP; None without version 2."""
        if not (unified := self.unified):
            return None
        return os.open(unified / LEAF if leaf else unified, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def settle(self, pid: int) -> None:
        """Version 2: move into the leaf, so that the group itself may get children."""
        if unified := self.unified:
            _write(unified / LEAF / "cgroup.procs", str(pid))

    def open_up(self) -> None:
        """Version 2: offer the controllers to the guest's own groups. hugetlb, where it is the
        only one, keeps podman from writing an empty list, which the kernel refuses."""
        for tree in self.trees:
            if tree.unified:
                _enable(self.path(tree), tree.controllers, ("hugetlb",))

    def kill(self) -> None:
        """Kill every process in the group at once, even one that forks all the time."""
        path = self.unified
        if path and (path / "cgroup.kill").exists():
            _write(path / "cgroup.kill", "1")
            return
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)

    def processes(self) -> list[int]:
        """The pids in the group and below it."""
        tree = next((t for t in self.trees if t.unified), None) or next(iter(self.trees), None)
        files = self.path(tree).rglob("cgroup.procs") if tree else ()
        return [int(line) for file in files for line in _read(file).split()]

    def freeze(self, frozen: bool) -> None:
        path = self.unified
        if path and (path / "cgroup.freeze").exists():
            _write(path / "cgroup.freeze", str(int(frozen)))
        elif freezer := self.controller("freezer"):
            _write(freezer / "freezer.state", "FROZEN" if frozen else "THAWED")

    def remove(self, timeout: float = 2.0) -> None:
        """Remove the groups, deepest first; a dying process may hold one for a moment."""
        deadline = time.monotonic() + timeout
        for tree in self.trees:
            while (path := self.path(tree)).exists():
                try:
                    for directory, _, _ in os.walk(path, topdown=False):
                        os.rmdir(directory)
                except FileNotFoundError:
                    continue
                except OSError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.005)


def enter_by(doors: list[int]) -> None:
    """Move this process, which has one thread, through `Cgroup.doors`. Moving oneself makes nobody wait."""
    for door in doors:
        os.write(door, b"0")


def remove_parents(parent: str = PARENT) -> None:
    """Remove the groups that held the containers' groups, wherever no container is left."""
    for tree in hierarchies():
        with contextlib.suppress(OSError):  # not empty, or never made
            os.rmdir(tree.path / parent)


def _make(path: Path) -> None:
    """Make a group; another node that ends may take the empty parent away under our hands."""
    with contextlib.suppress(FileNotFoundError):
        return path.mkdir(parents=True, exist_ok=True)
    path.mkdir(parents=True, exist_ok=True)


def _enable(path: Path, available: frozenset[str], extra: tuple[str, ...] = ()) -> None:
    for name in (*CONTROLLERS, *extra):
        if name in available:
            with contextlib.suppress(OSError):  # a parent may not offer it; doctor says so
                _write(path / "cgroup.subtree_control", f"+{name}")


def _fill_cpuset(top: Path, path: Path) -> None:
    """A new cpuset is empty and refuses every process until it has processors and memory."""
    for directory in (path.parent, path):
        for name in ("cpuset.cpus", "cpuset.mems"):
            _write(directory / name, _read(top / name).strip())


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _write(path: Path, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    except OSError as error:
        raise OSError(error.errno, f"write {text} to {path}: {error.strerror}") from error
    finally:
        os.close(fd)
