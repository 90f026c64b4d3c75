"""One guest that runs: QEMU's process, our ends of its wires, and what was measured of its start.

The guest is not trusted. What it says on the control port is cut into lines and looked at; what is
told to it waits in a bounded buffer, so that a guest which does not listen holds nobody up.

See socketpair(2), pidfd_open(2), PR_SET_PDEATHSIG(2const).
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from typing import Any

from runtime.errors import VitrineError
from runtime.linux import constants as c
from runtime.linux import syscalls
from runtime.loop import READ, WRITE, Loop
from runtime.vm import qemu, wires
from runtime.vm.host import Host
from runtime.vm.monitor import Monitor

MOST_UNHEARD = 32 << 20  # bytes told to a guest that does not listen; a file that is put may have eight mebibytes
WHY = {
    "guest-shutdown": "it was powered off",
    "guest-reset": "it restarted or its kernel panicked, and a machine runs once",
    "guest-panic": "its kernel panicked",
}


class Running:
    """QEMU and the agent inside. `facts` holds the phases of the start in ms since the request."""

    on_ready: Callable[[], None] = staticmethod(lambda: None)
    on_said: Callable[[wires.Said], None] = staticmethod(lambda said: None)
    on_end: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, loop: Loop, machine: qemu.Machine, host: Host) -> None:
        self.loop, self.machine, self.host = loop, machine, host
        self.facts: dict[str, Any] = {"accelerator": machine.accelerator, "memory_mib": machine.memory, "phases": {}}
        self.ready, self.why = False, ""
        self.lines = wires.Lines()
        self.unheard = bytearray()
        self.mark("supervisor")
        self.start()

    def start(self) -> None:
        """QEMU with one end of every wire, without a right and without a way to get one."""
        pairs = [socket.socketpair() for _ in range(qemu.CONSOLES + 2)]
        *self.consoles, self.control, monitor = [ours for ours, _ in pairs]
        theirs = [pair[1] for pair in pairs]
        fds = [end.fileno() for end in theirs]
        ends = qemu.Ends(fds[: qemu.CONSOLES], fds[-2], fds[-1], tap=self.host.fds.get("tap"))
        given = [*fds, *self.host.fds.values()]
        self.process = subprocess.Popen(
            qemu.argv(self.machine, ends), stdin=subprocess.DEVNULL, pass_fds=given, preexec_fn=_humble
        )
        for end in theirs:
            end.close()
        for fd in self.host.fds.values():
            os.close(fd)
        self.monitor = Monitor(monitor, self.happened)
        self.control.setblocking(False)
        self.loop.watch(self.control.fileno(), READ, self.turn)
        self.loop.watch(monitor.fileno(), READ, lambda events: self.monitored())
        self.pidfd = os.pidfd_open(self.process.pid)
        self.loop.watch(self.pidfd, READ, lambda events: self.gone())

    def mark(self, phase: str) -> None:
        """Note when a phase was over, the first time."""
        phases = self.facts["phases"]
        if phase not in phases:
            phases[phase] = round((time.monotonic() - self.host.asked) * 1000, 1)
            self.host.tell(facts=self.facts)

    def monitored(self) -> None:
        """QEMU is up, or has something to tell."""
        try:
            for message in self.monitor.receive():
                if "QMP" in message:
                    self.monitor.begin()
                    self.mark("qemu")
        except (EOFError, OSError, ValueError):
            self.loop.unwatch(self.monitor.socket.fileno())

    def happened(self, event: dict[str, Any]) -> None:
        if event["event"] == "SHUTDOWN":
            reason = str(event.get("data", {}).get("reason", ""))
            self.why = WHY.get(reason, f"QEMU says {reason}")

    def gone(self) -> None:
        """QEMU has ended: what it said last is still to be read."""
        self.loop.unwatch(self.pidfd)
        self.monitored()
        status = self.process.wait()
        self.why = self.why or (f"QEMU was killed by signal {-status}" if status < 0 else f"QEMU ended with status {status}")
        self.host.tell(ended=self.why)
        self.on_end()

    # The agent

    def tell(self, *words: object) -> None:
        """One line for the agent. No word holds a space: texts travel as base64."""
        self.unheard += " ".join(map(str, words)).encode() + b"\n"
        if len(self.unheard) > MOST_UNHEARD:
            raise VitrineError("the guest does not listen to its agent's port any more")
        self.flush()

    def flush(self) -> None:
        try:
            while self.unheard:
                del self.unheard[: self.control.send(self.unheard[:65536])]
        except BlockingIOError:
            pass
        except OSError:
            self.unheard.clear()  # QEMU has gone, and says so elsewhere
        if self.control.fileno() in self.loop.callbacks:
            self.loop.watch(self.control.fileno(), READ | (WRITE if self.unheard else 0), self.turn)

    def turn(self, events: int) -> None:
        """The port can be read, or written to again."""
        if events & WRITE:
            self.flush()
        if events & ~WRITE:
            self.hear()

    def hear(self) -> None:
        try:
            data = self.control.recv(65536)
        except OSError:
            data = b""
        if not data:
            return self.loop.unwatch(self.control.fileno())
        for said in self.lines.feed(data):
            if said.verb == "ready":
                self.welcome(said)
            else:
                self.on_said(said)

    def welcome(self, said: wires.Said) -> None:
        """The agent is there, at a moment of the guest's own clock: give it what is this machine's alone."""
        if self.ready:
            return
        self.ready = True
        self.mark("ready")
        birth, up, release = said.words if len(said.words) == 3 else ("", "", "")
        self.facts["kernel"] = release
        self.facts["phases"]["init"] = round(self.facts["phases"]["ready"] - wires.seconds(birth, up) * 1000, 1)
        self.personalise()
        self.on_ready()

    def personalise(self) -> None:
        self.tell("hostname", self.host.hostname)
        self.tell("time", int(time.time()))
        self.tell("seed", wires.encode(os.urandom(64)))
        if self.host.hosts:
            lines = "".join(f"{address}\t{name}\n" for name, address in self.host.hosts.items())
            self.tell("hosts", wires.encode(lines.encode()))
        if self.host.address:
            self.tell("address", self.host.address, mac(self.host.address))

    def shell(self, console: int, rows: int, cols: int, user: str, script: str) -> None:
        self.tell("shell", console, rows, cols, user, script)


def mac(address: str) -> str:
    """A card's own address, locally administered, one for each IPv4 address."""
    octets = address.partition("/")[0].split(".")
    return "52:54:" + ":".join(f"{int(octet):02x}" for octet in octets)


def _humble() -> None:
    """Between fork and exec: no groups, another user, no rights, and an end when the parent ends."""
    os.setgroups([])
    os.setgid(qemu.USER)
    os.setuid(qemu.USER)
    syscalls.prctl(c.PR_SET_NO_NEW_PRIVS, 1)
    syscalls.prctl(c.PR_SET_PDEATHSIG, signal.SIGKILL)
