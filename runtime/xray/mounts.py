"""Mounts: the tree that each mount namespace sees.

`/proc/PID/mountinfo` tells it as that process sees it, relative to its own root, so nothing of
the host's tree appears: the sandbox let go of that at its birth. Where something of the host's
own filesystems is attached inside (a device node, a volume), where it lies there is left out.
Two processes in one namespace share the table; it is parsed only if it changed.

See proc_pid_mountinfo(5), mount_namespaces(7).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Any

from runtime.xray.reading import Budget, read
from runtime.xray.text import clean, unescaped

MOST = 600
LARGEST = 256 * 1024
KINDS = {b"mnt": "mount", b"net": "network"}
CGROUPS = (b"cgroup", b"cgroup2")
HELD = re.compile(rb"([a-z]+):\[(\d+)\]")


@dataclass
class Table:
    """A table as it was read, what it says, and the namespaces that its mounts keep alive."""

    raw: bytes
    mounts: dict[str, dict[str, Any]]
    held: dict[int, str]


def devices(besides: str) -> frozenset[bytes]:
    """The filesystems of our own mount namespace, but for the one mounted at a path."""
    lines = [line.split(b" ") for line in read("/proc/self/mountinfo", limit=LARGEST).splitlines()]
    return frozenset(words[2] for words in lines if words[4] != os.fsencode(besides))


@dataclass
class Mounts:
    """The tables of one sandbox. `private` are the devices (`254:0`) of the host's own filesystems."""

    private: frozenset[bytes] = frozenset()
    group: bytes = b"/"  # the path of the sandbox's own control group
    tables: dict[str, Table] = field(default_factory=dict)
    held: dict[int, str] = field(default_factory=dict)

    def look(self, pids: dict[str, int], budget: Budget) -> dict[str, dict[str, Any]]:
        """Every mount. `pids` names one process in each mount namespace, the sandbox's first one first."""
        self.tables = {number: table for number, pid in pids.items() if (table := self._table(number, pid, budget))}
        found: dict[str, dict[str, Any]] = {}
        self.held = {}
        for table in self.tables.values():
            room = MOST - len(found)
            found.update(list(table.mounts.items())[:room])
            budget.cut("mounts", max(0, len(table.mounts) - room))
            self.held.update(table.held)
        return found

    def _table(self, number: str, pid: int, budget: Budget) -> Table | None:
        known = self.tables.get(number)
        if budget.spent:
            budget.cut("mounts", 0 if known else -1)
            return known
        try:
            raw = read(f"/proc/{pid}/mountinfo", limit=LARGEST)
            if os.stat(f"/proc/{pid}/ns/mnt").st_ino != int(number):
                return known
        except OSError:
            return None
        if known and known.raw == raw:
            return known
        if len(raw) >= LARGEST:
            budget.cut("mounts", -1)
        return _parse(number, raw, self.private, self.group)


def _parse(number: str, raw: bytes, private: frozenset[bytes], group: bytes) -> Table:
    lines = [line for line in raw.splitlines() if b" - " in line]
    ids = {line.split(b" ", 1)[0] for line in lines}
    mounts, held = {}, {}
    for line in lines:
        key, facts, root = _mount(number, line, ids, private, group)
        mounts[key] = facts
        if facts["type"] == "nsfs" and (match := HELD.fullmatch(root)):
            held[int(match[2])] = KINDS.get(match[1], match[1].decode("ascii"))
    return Table(raw, mounts, held)


def _mount(
    number: str, line: bytes, ids: set[bytes], private: frozenset[bytes], group: bytes
) -> tuple[str, dict[str, Any], bytes]:
    before, _, after = line.partition(b" - ")
    ident, parent, device, root, target, options, *tags = before.split(b" ")
    kind, source, more = (after.split(b" ", 2) + [b"", b""])[:3]
    facts = {
        "namespace": number,
        "parent": f"{number}:{parent.decode()}" if parent in ids and parent != ident else None,
        "target": clean(unescaped(target)),
        "root": clean(unescaped(root)),
        "type": clean(kind, 32),
        "source": clean(unescaped(source)),
        "options": [clean(each, 64) for each in options.split(b",")][:16],
        "super_options": [clean(each, 128) for each in more.split(b",")][:16],
        **_propagation(tags),
    }
    if kind in CGROUPS:
        # Its root is told to us from the top of the host's tree, which the sandbox does not see.
        facts["root"] = clean(unescaped(root).partition(group)[2] or b"/")
    elif device in private:
        facts |= {"root": facts["root"] if kind == b"devtmpfs" else "…", "source": "host", "super_options": []}
    return f"{number}:{ident.decode()}", facts, root


def _propagation(tags: list[bytes]) -> dict[str, Any]:
    """`shared:12 master:3` in words."""
    names = {b"shared": "shared", b"master": "slave", b"unbindable": "unbindable"}
    pairs = [tag.partition(b":") for tag in tags]
    words = [names[name] for name, _, _ in pairs if name in names]
    group = next((int(value) for name, _, value in pairs if name == b"shared" and value.isdigit()), None)
    return {"propagation": ",".join(words) or "private", "peer_group": group}
