"""The process beside QEMU, inside its container: starts it, talks with the agent, serves clients.

A guest's console is a socket, its agent a line of text; terminals and commands come as processes that
the shim starts in this container (runtime.vm.client). They ask here, by a socket in the container's
own /run: for the descriptor of a console, which they then read and write themselves, or to have a
command run. So a keystroke passes no process more than it must, and shim, spawner and site need not
know that there is a machine at all.

    client → supervisor   {"console": N, "rows": R, "cols": C, "user": NAME} | {"window": [N, R, C]} | {"run": …} | {"facts": 1}
    supervisor → client   {"open": N} with the descriptor, {"closed": STATUS}, {"out": BASE64}, {"err": BASE64}, {"done": STATUS}

See unix(7), SCM_RIGHTS; runtime/vm/guest/agent.sh for the guest's side.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from runtime.linux import constants as c
from runtime.linux import syscalls
from runtime.loop import READ, Loop
from runtime.vm import qemu, wires

SOCKET = Path("/run/machine.sock")
LONGEST_REQUEST = 1 << 20
COMMAND_SECONDS = 3600


class Client:
    """One connection: requests as lines of JSON, answers likewise."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.rest = b""

    def say(self, message: dict[str, Any], fds: list[int] | None = None) -> None:
        """An answer; a client that does not read or has gone loses it, and nobody waits."""
        with contextlib.suppress(OSError):
            socket.send_fds(self.connection, [json.dumps(message).encode() + b"\n"], fds or [], socket.MSG_DONTWAIT)

    def requests(self) -> list[dict[str, Any]] | None:
        """What has come, or None at the end of the connection."""
        data = self.connection.recv(65536)
        *lines, self.rest = (self.rest + data).split(b"\n")
        if not data or len(self.rest) > LONGEST_REQUEST:
            return None
        return [json.loads(line) for line in lines]


class Supervisor:
    """Holds our ends of the guest's wires, and who waits for what."""

    def __init__(self, loop: Loop, machine: qemu.Machine, hostname: str) -> None:
        self.loop, self.hostname = loop, hostname
        self.began = time.monotonic()
        self.facts: dict[str, Any] = {"accelerator": machine.accelerator, "memory_mib": machine.memory}
        self.ready = False
        self.waiting: list[tuple[Client, dict[str, Any]]] = []
        self.terminals: dict[int, Client] = {}
        self.open_shells: set[int] = set()
        self.commands: dict[int, Client] = {}
        self.next_command = 1
        self.lines = wires.Lines()
        self.start(machine)
        self.listener = self.listen()

    def start(self, machine: qemu.Machine) -> None:
        """QEMU with one end of every wire, without a right and without a way to get one."""
        pairs = [socket.socketpair() for _ in range(qemu.CONSOLES + 2)]
        self.wires = [ours for ours, _ in pairs]
        *self.consoles, self.control, self.monitor = self.wires
        theirs = [pair[1] for pair in pairs]
        fds = [end.fileno() for end in theirs]
        command = qemu.argv(machine, fds[: qemu.CONSOLES], fds[-2], fds[-1])
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=fds, preexec_fn=_humble)
        for end in theirs:
            end.close()
        self.loop.watch(self.control.fileno(), READ, self.heard)
        self.loop.watch(os.pidfd_open(self.process.pid), READ, lambda events: self.loop.stop())

    def listen(self) -> socket.socket:
        SOCKET.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(SOCKET))
        SOCKET.chmod(0o600)
        listener.listen(64)
        self.loop.watch(listener.fileno(), READ, self.accept)
        return listener

    def accept(self, events: int) -> None:
        client = Client(self.listener.accept()[0])
        self.loop.watch(client.connection.fileno(), READ, partial(self.asked, client))

    def asked(self, client: Client, events: int) -> None:
        """Requests of one client; a broken one ends that connection only."""
        try:
            requests = client.requests()
            for request in requests or []:
                self.serve(client, request)
        except (OSError, ValueError, KeyError, TypeError) as error:
            client.say({"error": f"{type(error).__name__}: {error}"})
            requests = None
        if requests is None:
            self.leave(client)

    def serve(self, client: Client, request: dict[str, Any]) -> None:
        """Do one request, or keep it until the guest is up."""
        if "facts" in request:
            client.say({"facts": self.facts})
        elif not self.ready:
            self.waiting.append((client, request))
        elif "console" in request:
            self.open(client, **request)
        elif "window" in request:
            self.tell("window", *map(int, request["window"]))
        else:
            self.run(client, **request["run"])

    def open(self, client: Client, console: int, rows: int = 24, cols: int = 80, user: str = "root") -> None:
        """Hand out a console; its shell is started by the first who asks, later ones find it running."""
        self.terminals[console] = client
        client.say({"open": console}, [self.consoles[console].fileno()])
        if console not in self.open_shells:
            self.open_shells.add(console)
            self.tell("shell", console, int(rows), int(cols), user)
        else:
            self.tell("window", console, int(rows), int(cols))

    def run(self, client: Client, command: str, input: str = "", seconds: int = COMMAND_SECONDS) -> None:
        """`command` and `input` in base64; the answers carry no number, the connection is the number."""
        number, self.next_command = self.next_command, self.next_command + 1
        self.commands[number] = client
        self.tell("run", number, int(seconds), command, input)

    def tell(self, *words: object) -> None:
        """One line for the agent. No word holds a space: texts travel as base64."""
        self.control.sendall(" ".join(map(str, words)).encode() + b"\n")

    def heard(self, events: int) -> None:
        data = self.control.recv(65536)
        if not data:
            return self.loop.unwatch(self.control.fileno())
        for said in self.lines.feed(data):
            self.understand(said)

    def understand(self, said: wires.Said) -> None:
        if said.verb == "ready" and not self.ready:
            self.welcome(said)
        elif said.verb == "closed" and (client := self.terminals.pop(said.number or 0, None)):
            self.open_shells.discard(said.number or 0)
            client.say({"closed": said.status})
        elif said.verb in ("out", "err") and (client := self.commands.get(said.number or 0)):
            client.say({said.verb: said.words[1] if said.data else ""})
        elif said.verb == "done" and (client := self.commands.pop(said.number or 0, None)):
            client.say({"done": said.status})

    def welcome(self, said: wires.Said) -> None:
        """The agent is there: give the guest what is its own, then serve who waited."""
        self.ready = True
        self.facts |= {
            "ready_ms": round((time.monotonic() - self.began) * 1000),
            "kernel": said.words[1] if len(said.words) > 1 else "",
        }
        self.tell("hostname", self.hostname)
        self.tell("time", int(time.time()))
        self.tell("seed", wires.encode(os.urandom(64)))
        waiting, self.waiting = self.waiting, []
        for client, request in waiting:
            self.serve(client, request)

    def leave(self, client: Client) -> None:
        self.loop.unwatch(client.connection.fileno())
        client.connection.close()
        for table in (self.terminals, self.commands):
            for number in [number for number, one in table.items() if one is client]:
                del table[number]
        self.waiting = [(one, request) for one, request in self.waiting if one is not client]


def _humble() -> None:
    """Between fork and exec: no groups, another user, no rights, and an end when the parent ends."""
    os.setgroups([])
    os.setgid(qemu.USER)
    os.setuid(qemu.USER)
    syscalls.prctl(c.PR_SET_NO_NEW_PRIVS, 1)
    syscalls.prctl(c.PR_SET_PDEATHSIG, signal.SIGKILL)


def main(arguments: list[str]) -> int:
    """Start the machine that the JSON in the first argument describes; its end is ours."""
    wanted = json.loads(arguments[0])
    hostname = wanted.pop("hostname")
    for name in ("kernel", "initrd", "disk"):
        wanted[name] = Path(wanted[name])
    loop = Loop()
    supervisor = Supervisor(loop, qemu.Machine(**wanted), hostname)
    loop.run()
    return supervisor.process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
