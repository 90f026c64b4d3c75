"""The process beside QEMU, inside its container: starts it, talks with the agent, serves clients.

A guest's console is a socket, its agent a line of text; terminals and commands come as processes that
the shim starts in this container (runtime.vm.client). They ask here, by a socket in the container's
own /run: for the descriptor of a console, which they then read and write themselves, or to have a
command run. So a keystroke passes no process more than it must, and spawner and site need not know
that there is a machine at all.

    client → supervisor   {"console": N|null, "rows", "cols", "user", "script"} | {"window": [N, R, C]} | {"prompt": N}
                          {"run": {"user", "script"}}, {"input": BASE64|"-"}, {"more": SIDE} | {"facts": 1}
    supervisor → client   {"open": N} with the descriptor, {"closed": STATUS}
                          {"out"|"err": BASE64}, {"took": 1}, {"done": STATUS} | {"ended": WHY} to everyone at the end

See unix(7), SCM_RIGHTS; runtime/vm/guest/agent.sh for the guest's side, runtime/vm/machine.py for QEMU's.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from functools import partial
from typing import Any

from runtime.loop import READ, Loop
from runtime.vm import host, qemu, wires
from runtime.vm.machine import Running

SOCKET = "/run/machine.sock"
LONGEST_REQUEST = 1 << 20
WINDOW = 512 * 1024  # what may be on its way to a client that reads slowly: see guest/agent.sh
FAREWELL = 0.5  # seconds that clients may take to say why their machine ended
Message = dict[str, Any]


class Client:
    """One connection: requests as lines of JSON, answers likewise."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.rest = b""
        self.command = 0

    def say(self, message: Message, fds: list[int] | None = None) -> None:
        """An answer; a client that does not read or has gone loses it, and nobody waits."""
        with contextlib.suppress(OSError):
            socket.send_fds(self.connection, [json.dumps(message).encode() + b"\n"], fds or [], socket.MSG_DONTWAIT)

    def requests(self) -> list[Message] | None:
        """What has come, or None at the end of the connection."""
        data = self.connection.recv(65536)
        *lines, self.rest = (self.rest + data).split(b"\n")
        if not data or len(self.rest) > LONGEST_REQUEST:
            return None
        return [json.loads(line) for line in lines]


class Supervisor:
    """Who waits for what of one machine."""

    def __init__(self, loop: Loop, running: Running, path: str = SOCKET) -> None:
        self.loop, self.running = loop, running
        running.on_ready, running.on_said, running.on_end = self.ready, self.understand, self.ended
        self.clients: set[Client] = set()
        self.waiting: list[tuple[Client, Message]] = []
        self.terminals: dict[int, Client] = {}
        self.open_shells: set[int] = set()
        self.instead: list[tuple[Client, Message]] = []
        self.commands: dict[int, Client] = {}
        self.last_command = 0
        self.listener = self.listen(path)

    def listen(self, path: str) -> socket.socket:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        os.chmod(path, 0o600)
        listener.listen(64)
        self.loop.watch(listener.fileno(), READ, self.accept)
        return listener

    def accept(self, events: int) -> None:
        client = Client(self.listener.accept()[0])
        client.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, WINDOW)
        self.clients.add(client)
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

    def serve(self, client: Client, request: Message) -> None:
        """Do one request, or keep it until the guest is up."""
        if "facts" in request:
            client.say({"facts": self.running.facts})
        elif not self.running.ready:
            self.waiting.append((client, request))
        elif "console" in request:
            self.open(client, **request)
        elif "prompt" in request:
            self.running.mark("prompt")
        elif "window" in request:
            self.running.tell("window", *map(int, request["window"]))
        else:
            self.command(client, request)

    def open(
        self, client: Client, console: int | None, rows: int = 24, cols: int = 80, user: str = "root", script: str = ""
    ) -> None:  # fmt: skip
        """Hand out a console; its shell is started by the first who asks, later ones find it running."""
        if console is None:
            console = next((n for n in reversed(range(qemu.CONSOLES)) if n not in self.open_shells), None)
        if console == qemu.PARKED and (self.running.parked or self.instead):
            if self.instead or user != "root" or script:
                request = {"console": console, "rows": rows, "cols": cols, "user": user, "script": script}
                return self.replace_parked(client, request)
            self.running.parked = False
        if console is None or not 0 <= console < qemu.CONSOLES:
            return client.say({"error": f"a machine has {qemu.CONSOLES} consoles, and no other is free"})
        self.terminals[console] = client
        client.say({"open": console}, [self.running.consoles[console].fileno()])
        if console in self.open_shells:
            return self.running.tell("window", console, int(rows), int(cols))
        self.open_shells.add(console)
        self.running.shell(console, int(rows), int(cols), user, script)

    def replace_parked(self, client: Client, request: Message) -> None:
        """The shell that waits is not the one that is wanted: it is told that its input has ended."""
        if not self.instead:
            self.running.parked = False
            self.running.consoles[qemu.PARKED].send(b"\x04")
        self.instead.append((client, request))

    def replaced(self) -> None:
        """What it said goodbye with is nobody's."""
        with contextlib.suppress(BlockingIOError):
            self.running.consoles[qemu.PARKED].recv(65536, socket.MSG_DONTWAIT)
        instead, self.instead = self.instead, []
        for client, request in instead:
            self.open(client, **request)

    def command(self, client: Client, request: Message) -> None:
        """The answers carry no number: the connection is the number."""
        if "run" in request:
            client.command = self.last_command = self.last_command + 1
            self.commands[client.command] = client
            self.running.tell("run", client.command, request["run"]["user"], request["run"]["script"])
        elif "input" in request:
            self.running.tell("in", client.command, request["input"])
        else:
            self.running.tell("more", client.command, request["more"])

    def ready(self) -> None:
        """The guest has what is its own: serve who waited. A terminal need not wait for the network, a command does."""
        if self.running.parked:
            self.open_shells.add(qemu.PARKED)
        waiting, self.waiting = self.waiting, []
        for client, request in waiting:
            if "console" in request:
                self.serve(client, request)
        self.running.connect()
        for client, request in waiting:
            if "console" not in request:
                self.serve(client, request)

    def understand(self, said: wires.Said) -> None:
        """A line of the agent's about a terminal or a command."""
        number = said.number or 0
        if said.verb == "closed":
            self.open_shells.discard(number)
            if client := self.terminals.pop(number, None):
                client.say({"closed": said.status})
            if number == qemu.PARKED:
                self.running.parked = False
                self.replaced()
        elif said.verb in ("out", "err") and (client := self.commands.get(number)):
            client.say({said.verb: said.words[1] if said.data else ""})
        elif said.verb == "took" and (client := self.commands.get(number)):
            client.say({"took": 1})
        elif said.verb == "done" and (client := self.commands.pop(number, None)):
            client.command = 0
            client.say({"done": said.status})

    def leave(self, client: Client) -> None:
        """A command whose client has gone is killed: nobody would ever read the rest."""
        self.loop.unwatch(client.connection.fileno())
        client.connection.close()
        self.clients.discard(client)
        self.waiting = [(one, request) for one, request in self.waiting if one is not client]
        self.instead = [(one, request) for one, request in self.instead if one is not client]
        for number in [number for number, one in self.terminals.items() if one is client]:
            del self.terminals[number]
        if self.commands.pop(client.command, None):
            self.running.tell("end", client.command)
        if self.running.why and not self.clients:
            self.loop.stop()

    def ended(self) -> None:
        """Tell everyone why, and go when they have gone: the container ends with us."""
        for client in self.clients:
            client.say({"ended": self.running.why})
        self.loop.call_later(FAREWELL if self.clients else 0, self.loop.stop)


def main(arguments: list[str]) -> int:
    """Start the machine that the JSON in the first argument describes; its end is ours."""
    loop = Loop()
    running = Running(loop, qemu.Machine(**json.loads(arguments[0])), host.Host.on(0))
    Supervisor(loop, running)
    loop.run()
    return running.process.wait()


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main(sys.argv[1:]))
