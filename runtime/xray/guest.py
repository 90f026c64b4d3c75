"""What a virtual machine tells of itself: an agent's words from inside, and marked as such.

The host's kernel sees QEMU and nothing behind it: a guest's processes are pages of QEMU's memory. So
one long command runs in the guest while somebody looks, and answers with a report when it is asked (see
`telling`). It is asked when the guest has used the processor for more than an idle kernel's ticks, once a second at
most: a machine in which nothing happens is left alone, but for a look every ten seconds.

See unix(7); runtime/vm/supervisor.py for the requests that its socket takes.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import stat
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from runtime.xray import telling

HALF = 2  # pieces of output after which the guest may send as many more: see runtime/vm/guest/agent.sh
LARGEST = 256 * 1024
SOONEST, LATEST = 1.0, 10.0  # seconds between two reports
SETTLED = 0.3  # seconds after a report in which the guest is still busy with it
IDLE = 0.01  # of a processor: what a kernel uses that only counts time
STIRRED_US = 4000


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
    _awaited: bool = False  # does it wait to be asked?
    _told: float = 0.0
    _rested: tuple[int, float] | None = None  # processor time, and when that was
    _asked_at: int = 0  # processor time
    _cheapest: int = 1 << 60
    _changed: bool = False  # was the last report of other processes than the one before?

    def __post_init__(self) -> None:
        script = base64.b64encode(telling.COMMAND.encode()).decode()
        self._ask({"facts": 1})
        self._ask({"run": {"user": "root", "script": script}})

    def _ask(self, request: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):
            self.wire.send(json.dumps(request).encode() + b"\n")

    def refresh(self) -> None:
        """Ask again what the supervisor measured: a prompt may have come since."""
        self._ask({"facts": 1})

    def stir(self, used_us: int) -> None:
        """Ask for a report if the guest has done something since the last, or has not been asked for long."""
        now = time.monotonic()
        if not self._awaited or now < self._told + SETTLED:
            return
        self._rested = self._rested or (self._after_report(used_us), now)
        used, since = self._rested
        busy = used_us - used - (now - since) * IDLE * 1e6 > STIRRED_US
        if now >= self._told + (SOONEST if busy or self._changed else LATEST):
            self._awaited, self._rested, self._asked_at = False, None, used_us
            self._ask({"input": base64.b64encode(b"\n").decode()})

    def _after_report(self, used_us: int) -> int:
        """What had been used when the report was done: if it was far dearer than others, something else ran meanwhile."""
        cost = used_us - self._asked_at
        self._cheapest = min(self._cheapest, cost)
        return used_us - cost if cost > 2 * self._cheapest else used_us

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
        elif "took" in answer:
            self._awaited = True
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
        before = self.processes.keys()
        self.machine, self.processes, self.left_out = telling.read(report, self.words)
        self._changed = before != self.processes.keys()
        self._told = time.monotonic()
        self.on_report()

    def close(self) -> None:
        """The command in the guest ends with the connection."""
        self.wire.close()
