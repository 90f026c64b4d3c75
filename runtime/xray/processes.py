"""Processes: the same ones the sandbox's own `ps` shows, with both their numbers.

Who belongs is the control group's to say: every process of a sandbox is in its group and
nobody else is. Two kinds are passed over: what is not in the sandbox's pid namespace, and a
child of the shim on its way in, which is in the group already but still has the shim's memory
and command line. It is known by its program, which is ours. A zombie is in no group's list any
more, and of too many groups some are not read: so children of those found are looked at too.

A process that has not run since the last look is not read again: the scheduler's count of its
turns (`schedstat`) is one small file, everything else ten.

See proc_pid_status(5), proc_pid_stat(5), pid_namespaces(7).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from runtime.xray.namespaces import LINKS, Namespaces, inodes_of
from runtime.xray.reading import Budget, read
from runtime.xray.subject import Subject
from runtime.xray.text import clean

MOST = 400
MOST_ARGUMENTS = 32
LONGEST_COMMAND = 512
REREAD = 8  # looks after which even a process that did not run is read again: others may have moved it
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
SETS = {"inheritable": b"CapInh", "permitted": b"CapPrm", "effective": b"CapEff", "bounding": b"CapBnd", "ambient": b"CapAmb"}
SECCOMP = {b"0": "off", b"1": "strict", b"2": "filter"}


class NotOursError(Exception):
    """A process that is not the sandbox's, or not yet."""


@dataclass
class Known:
    """A process that was read before: its facts, and how to tell whether they still hold."""

    key: str
    ppid: int
    facts: dict[str, Any]
    turns: bytes
    group: str
    children: tuple[int, ...] = ()
    age: int = 0


@dataclass
class Processes:
    """Reads the processes of one sandbox; keeps what did not change."""

    subject: Subject
    groups_of: Callable[[bytes], list[str] | None]
    registry: Namespaces
    known: dict[int, Known] = field(default_factory=dict)
    limits: dict[bytes, str] = field(default_factory=dict)
    limit_values: dict[str, dict[str, Any]] = field(default_factory=dict)
    limits_seen: int = 0
    program: tuple[int, int] = (0, 0)
    booted: float = 0.0
    level: int = 1

    def __post_init__(self) -> None:
        own = os.stat("/proc/self/exe")
        self.program = (own.st_dev, own.st_ino)
        self.booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
        self.level = len(_status(read(f"/proc/{self.subject.init_pid}/status"))[b"NSpid"].split()) - 1

    def look(self, members: dict[int, str], budget: Budget) -> dict[str, dict[str, Any]]:
        """Every process by its id. `members` maps pids to their control group."""
        wanted = sorted(members)[:MOST]
        budget.cut("processes", len(members) - len(wanted))
        fresh = {pid: known for pid in wanted if (known := self._refresh(pid, members[pid], budget))}
        self._add_children(fresh, members, budget)
        self.known = fresh
        self._forget_limits()
        keys = {pid: known.key for pid, known in fresh.items()}
        return {known.key: self._with_parent(known, keys) for known in fresh.values()}

    def _add_children(self, fresh: dict[int, Known], members: dict[int, str], budget: Budget) -> None:
        """Those who are in no list that was read: most have ended, and nobody has asked how."""
        queue = [child for known in fresh.values() for child in known.children]
        while queue and len(fresh) < MOST and not budget.spent:
            pid = queue.pop()
            if pid in members or pid in fresh:
                continue
            if known := self._refresh(pid, "", budget):
                fresh[pid] = known
                queue += known.children
        budget.cut("processes", -1 if queue and len(fresh) >= MOST else 0)

    def _with_parent(self, known: Known, keys: dict[int, str]) -> dict[str, Any]:
        parent = keys.get(known.ppid)
        if known.facts["parent"] != parent:
            known.facts = {**known.facts, "parent": parent}
        return known.facts

    def _refresh(self, pid: int, group: str, budget: Budget) -> Known | None:
        """Read a process, or keep what we have of it; None if it is gone or not ours."""
        known = self.known.get(pid)
        if budget.spent:
            if known is None:
                budget.cut("processes", 1)
            return known
        try:
            directory = os.open(f"/proc/{pid}", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            return self._read(pid, directory, group, known)
        except (OSError, NotOursError, KeyError, ValueError, IndexError):
            return None
        finally:
            os.close(directory)

    def _read(self, pid: int, directory: int, group: str, known: Known | None) -> Known:
        turns = read("schedstat", directory)
        words = read("stat", directory)
        name, _, rest = words.partition(b"(")[2].rpartition(b")")
        stat = rest.split()
        key = f"{pid}.{stat[19].decode()}"
        still = known is not None and known.key == key and known.turns == turns and known.group == group
        if known and still and stat[17] == b"1" and known.age < REREAD:
            known.age += 1
            return known
        facts = {**self._identity(pid, directory), **self._course(name, stat)}
        facts["open_files"] = os.stat("fd", dir_fd=directory).st_size
        facts = {"pid": pid, "parent": known.facts["parent"] if known else None, **facts}
        children = tuple(int(word) for word in read(f"task/{pid}/children", directory).split())
        return Known(key, int(stat[1]), facts, turns, group, children)

    def _course(self, name: bytes, stat: list[bytes]) -> dict[str, Any]:
        """What the scheduler and the memory manager say."""
        return {
            "comm": clean(name, 64),
            "state": stat[0].decode("ascii", "replace"),
            "threads": int(stat[17]),
            "started": round(self.booted + int(stat[19]) / TICKS, 2),
            "cpu_us": (int(stat[11]) + int(stat[12])) * (1_000_000 // TICKS),
            "memory_bytes": int(stat[21]) * PAGE,
        }

    def _identity(self, pid: int, directory: int) -> dict[str, Any]:
        """Who it is: ids, namespaces, groups, powers."""
        groups = self.groups_of(read("cgroup", directory))
        if groups is None:
            raise NotOursError(pid)
        status = _status(read("status", directory))
        pids = [int(word) for word in status[b"NSpid"].split()][self.level :]
        program = os.stat("exe", dir_fd=directory) if pids and status.get(b"VmSize") else None
        if not pids or (program and (program.st_dev, program.st_ino) == self.program):
            raise NotOursError(pid)
        inodes = inodes_of(directory)
        self.registry.enter(directory, inodes)
        args, cut = arguments(read("cmdline", directory, LONGEST_COMMAND + 1))
        return {
            "pids": pids,
            "uids": self._ids(status[b"Uid"], inodes["user"], 0),
            "gids": self._ids(status[b"Gid"], inodes["user"], 1),
            "args": args,
            "args_cut": cut,
            "namespaces": {kind: str(inodes[kind]) if inodes[kind] else None for kind in LINKS},
            "pid_for_children": str(inodes["pid_for_children"]) if inodes["pid_for_children"] else None,
            "cgroups": groups,
            "capabilities": {name: status[field].decode("ascii").strip() for name, field in SETS.items()},
            "seccomp": SECCOMP.get(status.get(b"Seccomp", b"0").strip(), "off"),
            "seccomp_filters": int(status.get(b"Seccomp_filters", b"0")),
            "no_new_privs": status.get(b"NoNewPrivs", b"0").strip() == b"1",
            "limits": self._limits(read("limits", directory)),
        }

    def _ids(self, words: bytes, user: int, which: int) -> dict[str, int | None]:
        """The effective id, as three numberings have it."""
        outside = int(words.split()[1])
        own = self.registry.own_id(user, outside, which)
        return {"outside": outside, "sandbox": self.subject.inside_id(outside), "own": own}

    def _limits(self, text: bytes) -> str:
        """The id of this set of resource limits."""
        if text not in self.limits:
            self.limits_seen += 1
            self.limits[text] = str(self.limits_seen)
            self.limit_values[self.limits[text]] = {"values": _limit_values(text)}
        return self.limits[text]

    def _forget_limits(self) -> None:
        """Keep the sets that some process has."""
        used = {known.facts["limits"] for known in self.known.values()}
        self.limits = {text: number for text, number in self.limits.items() if number in used}
        self.limit_values = {number: values for number, values in self.limit_values.items() if number in used}


def arguments(command: bytes) -> tuple[list[str], bool]:
    """The words of a command line, and whether some were left out."""
    cut = len(command) > LONGEST_COMMAND
    words = command[:LONGEST_COMMAND].rstrip(b"\0").split(b"\0") if command else []
    return [clean(word) for word in words[:MOST_ARGUMENTS]], cut or len(words) > MOST_ARGUMENTS


def used(processes: Iterable[dict[str, Any]]) -> set[str]:
    """The sets of capabilities that these processes have."""
    return {each for process in processes for each in process["capabilities"].values()}


def _status(data: bytes) -> dict[bytes, bytes]:
    """/proc/PID/status. The name may hold anything, but its newlines are escaped there."""
    return dict(line.split(b":\t", 1) for line in data.splitlines() if b":\t" in line)


def _limit_values(text: bytes) -> dict[str, list[int | None]]:
    """/proc/PID/limits: a table with a column of names that has spaces in it."""
    values = {}
    names = {
        b"Max cpu time": "cpu", b"Max file size": "fsize", b"Max data size": "data", b"Max stack size": "stack",
        b"Max core file size": "core", b"Max processes": "nproc", b"Max open files": "nofile",
        b"Max locked memory": "memlock", b"Max address space": "as", b"Max pending signals": "sigpending",
        b"Max msgqueue size": "msgqueue",
    }  # fmt: skip
    for line in text.splitlines():
        if name := names.get(line[:26].strip()):
            soft, hard = line[26:].split()[:2]
            values[name] = [int(each) if each.isdigit() else None for each in (soft, hard)]
    return values
