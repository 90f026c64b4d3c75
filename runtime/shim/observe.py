"""Observe: what the host's kernel says about the processes of one sandbox.

Everything is read from the host's /proc, so nothing inside can lie about it. All processes of
a sandbox descend from its shim: init and every terminal or command are its children, and an
orphan is handed to the sandbox's own init, never further up.

A hostname is the one fact /proc shows only to those inside: for it we join the UTS namespace
(and nothing else), read, and go back.

See proc(5), namespaces(7).
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from runtime.linux import syscalls
from runtime.linux.constants import CLONE_NEWUTS

NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")
MOST_PROCESSES = 4096
MOST_MOUNTS = 200


def children(pid: int) -> list[int]:
    """The children of every thread of a process."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(word) for word in task.read_text().split()]
        except OSError:
            continue
    return found


def descendants(pid: int) -> list[int]:
    """Every process below this one, parents first."""
    found: list[int] = []
    queue = children(pid)
    while queue and len(found) < MOST_PROCESSES:
        process = queue.pop(0)
        found.append(process)
        queue += children(process)
    return found


def status(pid: int) -> dict[str, str]:
    """/proc/PID/status as a mapping."""
    text = Path(f"/proc/{pid}/status").read_bytes().decode(errors="replace")
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def inode(pid: int, name: str) -> int:
    """The number of a namespace, which is what makes it the same as, or another than, a second."""
    target = os.readlink(f"/proc/{pid}/ns/{name}")
    return int(target.partition("[")[2].rstrip("]"))


def process(pid: int, depth: int, uid_base: int) -> dict[str, Any]:
    """One process, with its ids as the sandbox numbers them."""
    fields = status(pid)
    inside = [int(word) for word in fields["NSpid"].split()]
    uid = int(fields["Uid"].split()[1])
    words = Path(f"/proc/{pid}/cmdline").read_bytes()[:4096].split(b"\0")
    return {
        "pid": pid,
        "inside_pid": inside[depth] if len(inside) > depth else None,
        "ppid": int(fields["PPid"]),
        "comm": fields["Name"],
        "args": [word.decode(errors="replace") for word in words if word],
        "uid": uid - uid_base if uid >= uid_base else uid,
        "state": fields["State"][:1],
        "ns": {name: inode(pid, name) for name in NAMESPACES},
    }


def mounts(pid: int) -> list[dict[str, str]]:
    """The mounts a process sees."""
    found = []
    for line in Path(f"/proc/{pid}/mountinfo").read_text(errors="replace").splitlines()[:MOST_MOUNTS]:
        before, _, after = line.partition(" - ")
        left, right = before.split(), after.split()
        found.append({
            "id": left[0], "parent": left[1], "root": left[3], "target": left[4], "options": left[5],
            "propagation": " ".join(left[6:]) or "private", "type": right[0], "source": right[1],
        })  # fmt: skip
    return found


def hostnames(pids: dict[int, int]) -> dict[int, str]:
    """The host name of each UTS namespace, given one process in each: join it, ask, come back."""
    names = {}
    home = os.open("/proc/self/ns/uts", os.O_RDONLY | os.O_CLOEXEC)
    try:
        for number, pid in pids.items():
            with contextlib.suppress(OSError):
                names[number] = hostname(pid, number)
    finally:
        syscalls.setns(home, CLONE_NEWUTS)
        os.close(home)
    return names


def hostname(pid: int, number: int) -> str:
    """The host name in the UTS namespace of a process, if that is the one we mean."""
    fd = os.open(f"/proc/{pid}/ns/uts", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if os.fstat(fd).st_ino != number:
            raise ProcessLookupError(f"process {pid} is another now")
        syscalls.setns(fd, CLONE_NEWUTS)
        return os.uname().nodename
    finally:
        os.close(fd)


def observe(shim_pid: int, init_pid: int, uid_base: int) -> dict[str, Any]:
    """Every process of the sandbox, its namespaces, and the mounts of each mount namespace."""
    depth = len(status(init_pid)["NSpid"].split()) - 1
    found: list[dict[str, Any]] = []
    tables: dict[int, list[dict[str, str]]] = {}
    uts: dict[int, int] = {}
    for pid in descendants(shim_pid):
        try:
            facts = process(pid, depth, uid_base)
            if facts["inside_pid"] is None:
                continue
            if facts["ns"]["mnt"] not in tables:
                tables[facts["ns"]["mnt"]] = mounts(pid)
        except (OSError, KeyError, ValueError):
            continue  # it ended while we looked
        uts.setdefault(facts["ns"]["uts"], pid)
        found.append(facts)
    names = hostnames(uts)
    for facts in found:
        facts["hostname"] = names.get(facts["ns"]["uts"])
        facts["init"] = facts["pid"] == init_pid
    host = {name: inode(os.getpid(), name) for name in NAMESPACES}
    return {
        "init": init_pid,
        "host": host,
        "processes": found,
        "mounts": {str(number): table for number, table in tables.items()},
    }
