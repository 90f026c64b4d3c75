"""Reports of a guest: the script that writes them in there, and what we make of them out here.

The script uses the shell's built-in words only, because under emulation each program that is started
costs milliseconds; a report is one write, because each write costs two.

Whoever is root in the guest can make it say anything. So everything has `told_by: guest`, lines that
make no sense are dropped, and there is a bound to what is kept.

See proc(5).
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable
from typing import Any

from runtime.xray.text import clean

REPORT = """
exec 2>/dev/null
read -r own </proc/self/cgroup
known=" "
while :; do
    read -r up _ </proc/uptime
    read -r kernel </proc/sys/kernel/osrelease
    read -r name </proc/sys/kernel/hostname
    threads=0 all="teller $PPID
up $up
kernel $kernel
name $name"
    while read -r key value _; do
        case $key in MemTotal:) all="$all
total $value" ;; MemAvailable:) all="$all
free $value" && break ;; esac
    done </proc/meminfo
    for place in /proc/[0-9]*; do
        read -r line <$place/stat || continue
        pid=${place#/proc/}
        set -f -- ${line##*) }
        set +f
        [ "$2" != 2 ] && [ "$pid" != 2 ] || { threads=$((threads + 1)) && continue; }
        read -r group <$place/cgroup
        [ "$group" != "$own" ] || continue
        while read -r key user _; do [ "$key" != Uid: ] || break; done <$place/status
        all="$all
process $pid $2 $1 $user ${20} $((${12} + ${13})) ${22} ${line%) *}"
        case $known in *" $pid.${20} "*) continue ;; esac
        known="$known$pid.${20} "
        all="$all
words $pid $(/run/vitrine/busybox tr '\\0\\n' '\\1 ' <$place/cmdline)"
    done
    [ ${#known} -lt 8000 ] || known=" "
    echo "$all
threads $threads
end"
    read -r _ || exit
done
"""
COMMAND = f"exec /run/vitrine/busybox sh -c {shlex.quote(REPORT)}"
MOST = 200
LONGEST_COMMAND = 512
PAGE = 4096
TICKS = 100
STATES = frozenset("RSDTtZIX")
Processes = dict[str, dict[str, Any]]


def read(report: bytes, known: dict[str, list[str]]) -> tuple[dict[str, Any], Processes, int]:
    """The machine, its processes by id, and how many were left out. `known` keeps the words of commands, told once."""
    machine: dict[str, Any] = {"told_by": "guest"}
    found: Processes = {}
    left_out = 0
    for line in report.split(b"\n"):
        verb, _, rest = line.partition(b" ")
        with contextlib.suppress(ValueError, IndexError):
            if verb == b"process" and len(found) >= MOST:
                left_out += 1
            elif verb == b"process":
                key, facts = _process(rest)
                found[key] = facts
            elif verb == b"words":
                _name(rest, found, known)
            elif verb in WORDS:
                name, reading = WORDS[verb]
                machine[name] = reading(rest)
    for key in known.keys() - found.keys():
        del known[key]
    for key, facts in found.items():
        facts["args"] = known.get(key, [])
    return machine, _without(found, machine.pop("teller", 0)), left_out


def _name(rest: bytes, found: Processes, known: dict[str, list[str]]) -> None:
    """The words of a process that was told of just before."""
    pid, _, line = rest.partition(b" ")
    for key, facts in found.items():
        if facts["pid"] == int(pid):
            known[key] = [clean(word) for word in line[:LONGEST_COMMAND].rstrip(b"\1 ").split(b"\1") if word]


def _count(text: bytes) -> int:
    """A number that a kernel could have said."""
    return min(max(0, int(text[:20])), 1 << 50)


WORDS: dict[bytes, tuple[str, Callable[[bytes], Any]]] = {
    b"up": ("uptime_s", lambda text: round(min(max(0.0, float(text[:20])), 1e9), 2)),
    b"kernel": ("kernel", lambda text: clean(text, 64)),
    b"name": ("hostname", lambda text: clean(text, 64)),
    b"total": ("memory_bytes", lambda text: _count(text) * 1024),
    b"free": ("memory_available_bytes", lambda text: _count(text) * 1024),
    b"teller": ("teller", _count),
    b"threads": ("kernel_threads", _count),
}


def _without(found: Processes, teller: int) -> Processes:
    """All but those who carry the reports out, and helpers of theirs that have ended: nobody asked for them."""
    parents = {facts["pid"]: facts["parent"] for facts in found.values()}

    def carries(pid: int) -> bool:
        for _ in range(len(parents)):
            if pid == teller:
                return True
            pid = parents.get(pid, 0)
        return False

    return {
        key: facts
        for key, facts in found.items()
        if not carries(facts["pid"]) and (facts["state"], facts["comm"]) != ("Z", "busybox")
    }


def _process(text: bytes) -> tuple[str, dict[str, Any]]:
    """One line of a report: numbers, then what stands before the last parenthesis of its stat file."""
    pid, parent, state, user, started, ticks, pages, rest = text.split(b" ", 7)
    letter = state.decode("ascii", "replace")
    if letter not in STATES:
        raise ValueError(letter)
    facts = {
        "told_by": "guest", "pid": _count(pid), "parent": _count(parent), "uid": _count(user),
        "comm": clean(rest.partition(b"(")[2], 64), "state": letter,
        "cpu_us": _count(ticks) * (1_000_000 // TICKS), "memory_bytes": _count(pages) * PAGE,
    }  # fmt: skip
    return f"{facts['pid']}.{_count(started)}", facts
