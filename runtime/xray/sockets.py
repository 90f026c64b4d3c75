"""Sockets: who listens on which port, and who talks with whom.

`/proc/PID/net/tcp` shows the sockets of the network namespace of that process, as hexadecimal
words in the machine's byte order. Which process holds a listening socket is found by its inode
among the open files of the namespace's processes, once for each socket.

Reading that file makes the kernel walk one hash table for the whole host: a millisecond, even
when nothing is found. `sockstat` has the number of sockets of this namespace for nothing. So a
table is read when its number changed, and now and then while there are any.

See proc_pid_net(5), tcp(7), udp(7).
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from dataclasses import dataclass, field
from typing import Any

from runtime.xray.reading import Budget, read
from runtime.xray.subject import Subject

MOST = 256
LARGEST = 128 * 1024
MOST_FILES = 256
PROTOCOLS = ("tcp", "tcp6", "udp", "udp6")
TCP_STATES = (
    "", "established", "syn-sent", "syn-received", "fin-wait-1", "fin-wait-2", "time-wait", "close", "close-wait",
    "last-ack", "listen", "closing", "syn-received",
)  # fmt: skip
UDP_STATES = {1: "connected"}
REREAD = 6  # looks for which a table with an unchanged number of sockets is believed


@dataclass
class Table:
    """What a table said, how many sockets there were, and how long ago that was."""

    inuse: int
    rows: dict[str, dict[str, Any]]
    age: int = 0


@dataclass
class Sockets:
    """The sockets of one sandbox."""

    subject: Subject
    holders: dict[str, str | None] = field(default_factory=dict)
    tables: dict[tuple[str, str], Table] = field(default_factory=dict)

    def look(self, pids: dict[str, int], processes: dict[str, dict[str, Any]], budget: Budget) -> dict[str, dict[str, Any]]:
        """Every TCP and UDP socket by its id. `pids` names one process in each network namespace."""
        found: dict[str, dict[str, Any]] = {}
        tables: dict[tuple[str, str], Table] = {}
        for namespace, pid in pids.items():
            for protocol, inuse in _numbers(pid).items():
                if table := self._table(namespace, protocol, pid, inuse, budget):
                    tables[namespace, protocol] = table
                    found.update(table.rows)
        self.tables = tables
        budget.cut("sockets", max(0, len(found) - MOST))
        found = {key: {**facts} for key, facts in list(found.items())[:MOST]}
        self._find_holders(found, processes, budget)
        return found

    def _table(self, namespace: str, protocol: str, pid: int, inuse: int, budget: Budget) -> Table | None:
        """A table as it is, or was a moment ago."""
        known = self.tables.get((namespace, protocol))
        if not inuse:
            return None
        if known and known.inuse == inuse and known.age < REREAD:
            known.age += 1
            return known
        if budget.spent:
            budget.cut("sockets", -1)
            return known
        try:
            data = read(f"/proc/{pid}/net/{protocol}", limit=LARGEST)
        except OSError:
            return None
        if len(data) >= LARGEST:
            budget.cut("sockets", -1)
        return Table(inuse, self._rows(namespace, protocol, data))

    def _rows(self, namespace: str, protocol: str, data: bytes) -> dict[str, dict[str, Any]]:
        rows: dict[str, dict[str, Any]] = {}
        for line in data.splitlines()[1:]:
            with contextlib.suppress(ValueError, IndexError):
                inode, facts = self._socket(namespace, protocol, line.split())
                if inode != "0":  # a time-wait socket belongs to nobody any more
                    rows[f"{namespace}:{inode}"] = facts
        return rows

    def _socket(self, namespace: str, protocol: str, words: list[bytes]) -> tuple[str, dict[str, Any]]:
        number = int(words[3], 16)
        states = TCP_STATES[number] if protocol.startswith("tcp") and number < len(TCP_STATES) else UDP_STATES.get(number, "open")
        return words[9].decode(), {
            "namespace": namespace, "protocol": protocol, "state": states, "local": _end(words[1]),
            "remote": None if words[2].endswith(b":0000") else _end(words[2]),
            "uid": self.subject.inside_id(int(words[7])), "process": None,
        }  # fmt: skip

    def _find_holders(self, found: dict[str, dict[str, Any]], processes: dict[str, dict[str, Any]], budget: Budget) -> None:
        """Name the process of each socket that listens."""
        waiting = {key.partition(":")[2]: key for key, facts in found.items() if facts["state"] in ("listen", "open")}
        kept = {*processes, None}  # None: nobody was found, and asking again would not help
        self.holders = {inode: holder for inode, holder in self.holders.items() if inode in waiting and holder in kept}
        unknown = waiting.keys() - self.holders.keys()
        for key, process in processes.items():
            if not unknown or budget.spent:
                break
            for inode in _socket_inodes(process["pid"]) & unknown:
                self.holders[inode] = key
                unknown = unknown - {inode}
        self.holders.update(dict.fromkeys(unknown) if not budget.spent else {})
        for inode, key in waiting.items():
            found[key]["process"] = self.holders.get(inode)


def _numbers(pid: int) -> dict[str, int]:
    """How many sockets of each protocol are in use in a network namespace."""
    found = dict.fromkeys(PROTOCOLS, 0)
    for file in ("sockstat", "sockstat6"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            for line in read(f"/proc/{pid}/net/{file}").splitlines():
                words = line.split()
                name = words[0][:-1].decode("ascii").lower()
                if name in found:
                    found[name] = int(words[2])
    return found


def _socket_inodes(pid: int) -> set[str]:
    """The sockets among the first open files of a process."""
    found = set()
    with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
        for seen, entry in enumerate(entries):
            if seen >= MOST_FILES:
                break
            with contextlib.suppress(OSError):
                target = os.readlink(entry.path)
                if target.startswith("socket:["):
                    found.add(target[8:-1])
    return found


def _end(word: bytes) -> str:
    """`0A00580A:1F90` as an address and a port: each group of four bytes is in our byte order."""
    raw, _, port = word.partition(b":")
    groups = [int(raw[i : i + 8], 16) for i in range(0, len(raw), 8)]
    packed = struct.pack(f"={len(groups)}I", *groups)
    host = socket.inet_ntop(socket.AF_INET6 if len(groups) == 4 else socket.AF_INET, packed)
    return f"[{host}]:{int(port, 16)}" if len(groups) == 4 else f"{host}:{int(port, 16)}"
