"""What a virtual machine tells of itself: an agent's words from inside, and marked as such.

The host's kernel sees QEMU and nothing behind it: a guest's processes are pages of QEMU's memory. So
one long command runs in the guest while somebody looks, and every two seconds it reads the guest's own
/proc and writes one report. It uses the shell's built-in words only, because under emulation each
program that is started costs milliseconds; a report is one write, because each write costs two.

Whoever is root in the guest can make it say anything. So everything here has `told_by: guest`, lines that
make no sense are dropped, and there is a bound to what is kept.

See proc(5), unix(7); runtime/vm/supervisor.py for the requests that its socket takes.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shlex
import socket
import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
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
    read -r -t 2 _
done
"""
COMMAND = f"exec /run/vitrine/busybox sh -c {shlex.quote(REPORT)}"
HALF = 2  # pieces of output after which the guest may send as many more: see runtime/vm/guest/agent.sh
MOST = 200
LARGEST = 256 * 1024
LONGEST_COMMAND = 512
PAGE = 4096
TICKS = 100
STATES = frozenset("RSDTtZIX")


def connect(init_pid: int, owner: int) -> socket.socket | None:
    """A connection to the supervisor in a machine's container; None when it does not listen (yet).

    No link on the way is followed, and whoever answers must be the container's root: what else runs in
    there may have been taken over by the guest.
    """
    flags = os.O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW
    fds: list[int] = []
    wire = socket.socket(socket.AF_UNIX)
    try:
        fds.append(os.open(f"/proc/{init_pid}/root", os.O_PATH | os.O_CLOEXEC | os.O_DIRECTORY))
        fds.append(os.open("run", flags | os.O_DIRECTORY, dir_fd=fds[-1]))
        fds.append(os.open("machine.sock", flags, dir_fd=fds[-1]))
        if not stat.S_ISSOCK(os.fstat(fds[-1]).st_mode):
            raise ConnectionRefusedError
        wire.setblocking(False)
        wire.connect(f"/proc/self/fd/{fds[-1]}")
        credentials = wire.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        if struct.unpack("3i", credentials)[1] != owner:
            raise ConnectionRefusedError
        return wire
    except OSError:
        wire.close()
        return None
    finally:
        for fd in fds:
            os.close(fd)


@dataclass
class Guest:
    """One who listens to a guest. `facts` are the supervisor's own, which the guest cannot make up."""

    wire: socket.socket
    on_report: Callable[[], None] = lambda: None
    facts: dict[str, Any] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    processes: dict[str, dict[str, Any]] = field(default_factory=dict)
    left_out: int = 0
    words: dict[str, list[str]] = field(default_factory=dict)
    _rest: bytes = b""
    _report: bytes = b""
    _pieces: int = 0

    def __post_init__(self) -> None:
        script = base64.b64encode(COMMAND.encode()).decode()
        self._ask({"facts": 1})
        self._ask({"run": {"user": "root", "script": script}})

    def _ask(self, request: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):
            self.wire.send(json.dumps(request).encode() + b"\n")

    def refresh(self) -> None:
        """Ask again what the supervisor measured: a prompt may have come since."""
        self._ask({"facts": 1})

    @property
    def booted(self) -> bool:
        """Has the agent been heard at all?"""
        return "ready" in self.facts.get("phases", {})

    def receive(self) -> bool:
        """Take what has come; False when the supervisor has gone."""
        try:
            data = self.wire.recv(65536)
        except BlockingIOError:
            return True
        except OSError:
            return False
        *lines, self._rest = (self._rest + data).split(b"\n")
        try:
            for line in lines:
                self._understand(json.loads(line))
        except (ValueError, TypeError, AttributeError):
            return False  # no supervisor talks like that
        return bool(data) and len(self._rest) <= LARGEST

    def _understand(self, answer: dict[str, Any]) -> None:
        if "facts" in answer:
            self.facts = answer["facts"]
            self.on_report()
        elif "out" in answer:
            self._pieces += 1
            if self._pieces % HALF == 0:
                self._ask({"more": "out"})
            self._take(base64.b64decode(answer["out"]))

    def _take(self, piece: bytes) -> None:
        """Collect a report until its last line; one that is too long is given up."""
        self._report += piece
        while b"\nend\n" in self._report:
            report, _, self._report = self._report.partition(b"\nend\n")
            self._read(report)
            self.refresh()
        if len(self._report) > LARGEST:
            self._report = b""

    def _read(self, report: bytes) -> None:
        machine: dict[str, Any] = {"told_by": "guest"}
        found: dict[str, dict[str, Any]] = {}
        self.left_out = 0
        for line in report.split(b"\n"):
            verb, _, rest = line.partition(b" ")
            with contextlib.suppress(ValueError, IndexError):
                if verb == b"process" and len(found) >= MOST:
                    self.left_out += 1
                elif verb == b"process":
                    key, facts = _process(rest)
                    found[key] = facts
                elif verb == b"words":
                    self._name(rest, found)
                elif verb in WORDS:
                    name, read = WORDS[verb]
                    machine[name] = read(rest)
        self.words = {key: words for key, words in self.words.items() if key in found}
        found = _without(found, machine.pop("teller", 0))
        for key, facts in found.items():
            facts["args"] = self.words.get(key, [])
        self.machine, self.processes = machine, found
        self.on_report()

    def _name(self, rest: bytes, found: dict[str, dict[str, Any]]) -> None:
        """The words of a process that was told of just before."""
        pid, _, line = rest.partition(b" ")
        for key, facts in found.items():
            if facts["pid"] == int(pid):
                self.words[key] = [clean(word) for word in line[:LONGEST_COMMAND].rstrip(b"\1 ").split(b"\1") if word]

    def close(self) -> None:
        """The command in the guest ends with the connection."""
        self.wire.close()


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


def _without(found: dict[str, dict[str, Any]], teller: int) -> dict[str, dict[str, Any]]:
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
