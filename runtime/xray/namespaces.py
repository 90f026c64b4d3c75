"""Namespaces: who owns which, which lies in which, and what each is about.

A namespace has no name, only an inode number; that two processes show the same number is all
that "the same namespace" means. The kernel answers three more questions about a descriptor of
one: its owner (NS_GET_USERNS, the user namespace it was made in), its parent (NS_GET_PARENT,
for the two kinds that nest) and its kind. We climb until the host's own is reached.

A host name and nothing else is told only to those inside: for it this process joins the UTS
namespace, in which there is nothing but the name, and comes back.

See ioctl_ns(2), namespaces(7), user_namespaces(7).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from runtime.linux import constants as c
from runtime.linux import syscalls
from runtime.xray.reading import Budget, read
from runtime.xray.text import clean

NS_GET_USERNS, NS_GET_PARENT = 0xB701, 0xB702
MOST = 256
NESTING = ("user", "pid")
LINKS = {
    "user": "user", "mount": "mnt", "pid": "pid", "network": "net", "uts": "uts", "ipc": "ipc",
    "cgroup": "cgroup", "time": "time",
}  # fmt: skip
HOST = "host"


@dataclass
class Known:
    """One namespace: what does not change about it."""

    kind: str
    owner: str | None
    parent: str | None
    first_seen: float
    maps: tuple[list[list[int]], list[list[int]]] | None = None
    offsets: dict[str, int] | None = None


@dataclass
class Namespaces:
    """The registry: fed by the processes that are read, asked once a look."""

    own: dict[str, int]  # the first ones, which the runtime made, by kind
    known: dict[int, Known] = field(default_factory=dict)
    host: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        directory = os.open("/proc/self", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self.host = {kind: os.stat(f"ns/{link}", dir_fd=directory).st_ino for kind, link in LINKS.items()}
        finally:
            os.close(directory)

    def enter(self, directory: int, inodes: dict[str, int]) -> None:
        """Note the namespaces of a process that is being read."""
        for kind in (*LINKS, "pid_for_children"):
            number, plain = inodes[kind], "pid" if kind == "pid_for_children" else kind
            if number and number != self.host[plain] and number not in self.known and len(self.known) < MOST:
                with contextlib.suppress(OSError):
                    self._open(directory, kind, plain, number)
        user = self.known.get(inodes["user"])
        if user is not None and not (user.maps and user.maps[0] and user.maps[1]):
            user.maps = (_map(read("uid_map", directory)), _map(read("gid_map", directory)))
        clock = self.known.get(inodes["time"])
        if clock is not None and clock.offsets is None:
            clock.offsets = _offsets(read("timens_offsets", directory))

    def _open(self, directory: int, link: str, kind: str, number: int) -> None:
        fd = os.open(f"ns/{LINKS.get(link, link)}", os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory)
        try:
            if os.fstat(fd).st_ino == number:
                self._add(kind, number, fd)
        finally:
            os.close(fd)

    def _add(self, kind: str, number: int, fd: int) -> None:
        """Note one namespace, and those above it."""
        owner = self._above(NS_GET_USERNS, "user", fd)
        parent = self._above(NS_GET_PARENT, kind, fd) if kind in NESTING else None
        self.known[number] = Known(kind, owner, parent, time.time())

    def _above(self, request: int, kind: str, fd: int) -> str | None:
        """The owner or parent; `host` is where the sandbox ends."""
        try:
            above = fcntl.ioctl(fd, request)
        except OSError:
            return None
        try:
            number = os.fstat(above).st_ino
            if number == self.host[kind]:
                return HOST
            if number not in self.known and len(self.known) < MOST:
                self._add(kind, number, above)
            return str(number)
        finally:
            os.close(above)

    def look(self, processes: Iterable[dict[str, Any]], mounted: dict[int, str], budget: Budget) -> dict[str, dict[str, Any]]:
        """Every namespace that lives. `mounted`: those that a mount keeps, with their kinds."""
        members, for_children = _count(processes)
        for number, kind in mounted.items():
            if number not in self.known and len(self.known) < MOST:
                self.known[number] = Known(kind, None, None, time.time())
        kept = self._closure({*members, *for_children, *mounted})
        self.known = {number: known for number, known in self.known.items() if number in kept}
        if len(self.known) >= MOST:
            budget.cut("namespaces", -1)
        return {str(number): self._facts(number, known, members, mounted) for number, known in self.known.items()}

    def _closure(self, numbers: set[int]) -> set[int]:
        """These, and all owners and parents of them."""
        found, queue = set(), list(numbers)
        while queue:
            number = queue.pop()
            known = self.known.get(number)
            if number in found or known is None:
                continue
            found.add(number)
            queue += [int(each) for each in (known.owner, known.parent) if each and each != HOST]
        return found

    def _facts(self, number: int, known: Known, members: dict[int, int], mounted: dict[int, str]) -> dict[str, Any]:
        count = members.get(number, 0)
        maps = known.maps or (None, None)
        return {
            "kind": known.kind, "own": self.own.get(known.kind) == number, "owner": known.owner, "parent": known.parent,
            "members": count, "kept_by": "process" if count else "mount" if number in mounted else "child",
            "uid_map": maps[0], "gid_map": maps[1], "hostname": None, "offsets": known.offsets,
            "first_seen": round(known.first_seen, 3),
        }  # fmt: skip

    def own_id(self, user: int, outside: int, which: int) -> int | None:
        """A host id as a user namespace numbers it; `which` is 0 for users, 1 for groups."""
        known = self.known.get(user)
        for inside, first, count in known.maps[which] if known and known.maps else ():
            if first <= outside < first + count:
                return inside + outside - first
        return None


def inodes_of(directory: int) -> dict[str, int]:
    """The inode of each namespace of a process, by the OCI names; 0: this kernel has none."""
    found = {}
    for kind, link in (*LINKS.items(), ("pid_for_children", "pid_for_children")):
        try:
            # "uts:[4026531838]"; reading the link is half the price of following it
            found[kind] = int(os.readlink(f"ns/{link}", dir_fd=directory).rpartition("[")[2][:-1])
        except OSError:
            found[kind] = 0
    return found


def _count(processes: Iterable[dict[str, Any]]) -> tuple[dict[int, int], set[int]]:
    members: dict[int, int] = {}
    for_children: set[int] = set()
    for process in processes:
        for number in filter(None, process["namespaces"].values()):
            members[int(number)] = members.get(int(number), 0) + 1
        for_children.add(int(process["pid_for_children"] or 0))
    return members, for_children


def _map(data: bytes) -> list[list[int]]:
    """uid_map or gid_map: inside, outside, count."""
    return [[int(word) for word in line.split()] for line in data.splitlines()]


def _offsets(data: bytes) -> dict[str, int]:
    """timens_offsets: clock, seconds, nanoseconds."""
    rows = [line.split() for line in data.splitlines()]
    return {row[0].decode("ascii"): int(row[1]) for row in rows if len(row) == 3}


def hostnames(pids: dict[str, int]) -> dict[str, str]:
    """The host name of each UTS namespace, given one process in each."""
    names: dict[str, str] = {}
    home = os.open("/proc/self/ns/uts", os.O_RDONLY | os.O_CLOEXEC)
    try:
        for number, pid in pids.items():
            with contextlib.suppress(OSError):
                names[number] = _hostname(pid, number)
    finally:
        syscalls.setns(home, c.CLONE_NEWUTS)
        os.close(home)
    return names


def _hostname(pid: int, number: str) -> str:
    fd = os.open(f"/proc/{pid}/ns/uts", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if str(os.fstat(fd).st_ino) != number:
            raise ProcessLookupError(f"process {pid} is another now")
        syscalls.setns(fd, c.CLONE_NEWUTS)
        return clean(os.uname().nodename, 64)
    finally:
        os.close(fd)
