"""One guest that runs: QEMU's process, our ends of its wires, and what was measured of its start.

The guest is not trusted. What it says on the control port is cut into lines and looked at; what is
told to it waits in a bounded buffer, so that a guest which does not listen holds nobody up.

There are three ways to begin, each the next one's remedy: with the state of a machine that has come up
before, by a boot on the host's own processor, and by a boot on an emulated one. The facts say which it was.

What is saved has a shell that waits at its prompt, since to start one takes an emulated guest longer than all
else. Its window has a size that none has, so the first who opens that console makes it draw the prompt anew.

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
from runtime.loop import READ, WRITE, Loop, Timer
from runtime.vm import qemu, saving, wires
from runtime.vm.host import Host
from runtime.vm.monitor import Monitor

MOST_UNHEARD = 32 << 20  # bytes told to a guest that does not listen; a file that is put may have eight mebibytes
# Seconds for a machine to come up in a way that has another behind it: where thirty are restored at once, each
# takes its time, and must not be made to boot for it.
DOUBT = {"state": 30.0, "kvm": 10.0}
ODD = (21, 83)  # rows and columns that nobody has
STIR, QUIET = 3.0, 0.2  # seconds for a shell to say something, and to have said all
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
        self.facts: dict[str, Any] = {"memory_mib": machine.memory, "phases": {}}
        self.ready, self.parked, self.why = False, False, ""
        self.unheard = bytearray()
        self.timer: Timer | None = None
        self.mark("supervisor")
        self.start()

    @property
    def restored(self) -> bool:
        return "state" in self.host.fds

    def start(self) -> None:
        """QEMU with one end of every wire, without a right and without a way to get one."""
        self.facts |= {"accelerator": self.machine.accelerator, "why": self.machine.why, "restored": self.restored}
        self.lines = wires.Lines()
        tap = self.host.fds.get("tap")
        pairs = [socket.socketpair() for _ in range(qemu.CONSOLES + 2)]
        *self.consoles, self.control, monitor = [ours for ours, _ in pairs]
        theirs = [pair[1] for pair in pairs]
        fds = [end.fileno() for end in theirs]
        ends = qemu.Ends(fds[: qemu.CONSOLES], fds[-2], fds[-1], tap=tap, restored=self.restored)
        given = [*fds, *([] if tap is None else [tap])]
        self.process = subprocess.Popen(
            qemu.argv(self.machine, ends), stdin=subprocess.DEVNULL, pass_fds=given, preexec_fn=_humble
        )
        for end in theirs:
            end.close()
        self.monitor = Monitor(monitor, self.happened)
        self.control.setblocking(False)
        self.loop.watch(self.control.fileno(), READ, self.turn)
        self.loop.watch(monitor.fileno(), READ, lambda events: self.monitored())
        self.pidfd = os.pidfd_open(self.process.pid)
        self.loop.watch(self.pidfd, READ, lambda events: self.gone())
        if self.restored or self.machine.accelerator == "kvm":
            self.timer = self.loop.call_later(DOUBT["state" if self.restored else "kvm"], self.process.kill)

    def begin_otherwise(self) -> bool:
        """Whether there is another way to begin; the host is told that this one is none."""
        if self.ready or not (self.restored or self.machine.accelerator == "kvm"):
            return False
        if self.restored:
            self.host.tell(unfit="state", reason=self.why)
            os.close(self.host.fds.pop("state"))
        else:
            self.host.tell(unfit="kvm", reason=self.why)
            self.machine = self.machine._replace(accelerator="tcg", why="useless")
        for end in (*self.consoles, self.control, self.monitor.socket):
            self.loop.unwatch(end.fileno())
            end.close()
        self.why = ""
        self.start()
        return True

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
                    self.greet()
        except (EOFError, OSError, ValueError, VitrineError) as error:
            self.why = self.why or (str(error) if isinstance(error, VitrineError) else "")
            self.loop.unwatch(self.monitor.socket.fileno())

    def greet(self) -> None:
        """QEMU is up. A state that cannot be had ends it, and `gone` sees what else there is."""
        self.monitor.begin()
        self.mark("qemu")
        if self.restored:
            try:
                saving.restore(self.monitor, self.host.fds["state"])
            except (EOFError, OSError, VitrineError):
                self.process.kill()
                raise
            self.mark("restored")
            self.parked = True
            self.tell("hello")
            self.personalise()

    def happened(self, event: dict[str, Any]) -> None:
        if event["event"] == "SHUTDOWN":
            reason = str(event.get("data", {}).get("reason", ""))
            self.why = WHY.get(reason, f"QEMU says {reason}")

    def gone(self) -> None:
        """QEMU has ended: what it said last is still to be read."""
        self.loop.unwatch(self.pidfd)
        os.close(self.pidfd)
        self.monitored()
        status = self.process.wait()
        if self.timer is not None:
            self.timer.cancel()
        self.why = self.why or (f"QEMU was killed by signal {-status}" if status < 0 else f"QEMU ended with status {status}")
        if not self.begin_otherwise():
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
            if said.verb == "ready" and not self.ready:
                self.welcome(said)
            else:
                self.on_said(said)

    def welcome(self, said: wires.Said) -> None:
        """The agent is there, at a moment of the guest's own clock."""
        self.measure(said)
        if self.restored:
            return self.begin()
        self.tell("hostname", self.host.hostname)
        if "save" in self.host.fds:
            return self.park()
        self.personalise()
        self.begin()

    def park(self) -> None:
        """Start a shell, and save the machine when it has come to its prompt."""
        self.parked = True
        self.shell(qemu.PARKED, *ODD, "root", "")
        console = self.consoles[qemu.PARKED]
        self.timer = self.loop.call_later(STIR, self.save)
        self.loop.watch(console.fileno(), READ, lambda events: self.stirred(console))

    def stirred(self, console: socket.socket) -> None:
        """The shell has said something, which nobody is to see: it will say it again."""
        if not console.recv(65536):
            return self.loop.unwatch(console.fileno())
        if self.timer is not None:
            self.timer.cancel()
        self.timer = self.loop.call_later(QUIET, self.save)

    def begin(self) -> None:
        """It is a machine like no other from here on."""
        self.ready = True
        if self.timer is not None:
            self.timer.cancel()
        for name in list(self.host.fds):
            os.close(self.host.fds.pop(name))
        self.on_ready()

    def measure(self, said: wires.Said) -> None:
        """When the agent was there; and by the guest's own clock, when that began and when pid 1 did."""
        birth, up, release = said.words if len(said.words) == 3 else ("0", "0", "")
        self.facts["kernel"] = release
        self.mark("ready")
        if not self.restored:
            phases = self.facts["phases"]
            for name, moment in (("kernel", "0"), ("init", birth)):
                phases[name] = round(phases["ready"] - wires.seconds(moment, up) * 1000, 1)

    def save(self) -> None:
        """Keep the state for later machines: no student has been in the guest yet."""
        self.loop.unwatch(self.consoles[qemu.PARKED].fileno())
        fd = self.host.fds.pop("save")
        try:
            saving.save(self.monitor, fd)
        except (EOFError, OSError, VitrineError) as error:
            self.host.tell(unfit="save", reason=str(error))
        else:
            self.host.tell(saved=1)
            self.mark("saved")
        finally:
            os.close(fd)
        self.personalise()
        self.begin()

    def personalise(self) -> None:
        """What no two machines may have in common."""
        self.tell("fresh", time.time_ns(), os.urandom(32).hex())

    def connect(self) -> None:
        """The laboratory: its names, and our place in it."""
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
