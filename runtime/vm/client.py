"""What a terminal or a command of a machine is, on the host: a small process in the machine's container.

`console JSON` joins its own terminal with a console of the guest, `run JSON` has a command run and ends
as it ended; the JSON holds `args env cwd user`, and for a terminal `console`, its number or null. Both
start as any process of a container does, so everything that holds for those (limits, several viewers,
time-outs, output limits) holds for a machine too.

See pty(7), SIGWINCH in signal(7).
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shlex
import signal
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

from runtime.vm import wires

SOCKET = "/run/machine.sock"
PATIENCE = 60.0
READ_SIZE = 65536
PIECE = 12 * 1024  # of a command's input, in one line: a pipe must hold it
HALF = 2  # pieces of output after which the guest may send as many more: see guest/agent.sh
FAILED = 125


class Supervised:
    """A connection to the supervisor; answers are dictionaries, descriptors come with them."""

    def __init__(self) -> None:
        self.connection = _connect()
        self.rest = b""
        self.fds: list[int] = []

    def ask(self, request: dict[str, Any]) -> None:
        self.connection.sendall(json.dumps(request).encode() + b"\n")

    def receive(self) -> list[dict[str, Any]]:
        """The answers that are there; EOFError when the machine has gone, OSError with what it refuses."""
        data, fds, _, _ = socket.recv_fds(self.connection, READ_SIZE, 1)
        if not data:
            raise EOFError("the machine has ended")
        self.fds += fds
        *lines, self.rest = (self.rest + data).split(b"\n")
        answers = [json.loads(line) for line in lines]
        for answer in answers:
            if "ended" in answer:
                raise EOFError(f"the machine has ended: {answer['ended']}")
            if "error" in answer:
                raise OSError(answer["error"])
        return answers

    def answers(self) -> Iterator[dict[str, Any]]:
        while True:
            yield from self.receive()


def _connect() -> socket.socket:
    """The supervisor starts at the same time as we do."""
    until = time.monotonic() + PATIENCE
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(SOCKET)
            return connection
        except OSError:
            connection.close()
            if time.monotonic() > until:
                raise
            time.sleep(0.005)


def script(wanted: dict[str, Any]) -> str:
    """The command as the guest's shell takes it, in base64: directory, variables, program. Empty for a login shell."""
    if not wanted["args"]:
        return ""
    place = shlex.quote(wanted["cwd"]) if wanted["cwd"] else '"$HOME"'
    names = [f"{name}={text}" for name, text in wanted["env"].items()]
    command = shlex.join([*(["env", *names] if names else []), *wanted["args"]])
    return wires.encode(f"cd {place} || exit 126; exec {command}".encode())


def console(wanted: dict[str, Any]) -> int:
    """Join our terminal and the guest's console until its shell ends; the shell's status."""
    from runtime.vm.relay import Relay, window

    supervised = Supervised()
    rows, cols = window()
    request = {"console": wanted["console"], "rows": rows, "cols": cols, "user": wanted["user"], "script": script(wanted)}
    supervised.ask(request)
    number = wanted["console"]
    while not supervised.fds:
        for answer in supervised.receive():
            number = answer.get("open", number)
    return Relay(supervised, number, supervised.fds[0]).run()


def run(wanted: dict[str, Any]) -> int:
    """Have the guest run a command with our standard input, and end as it ended."""
    supervised = Supervised()
    supervised.ask({"run": {"user": wanted["user"], "script": script(wanted)}})
    read = {"out": 0, "err": 0}
    inputs: list[int] = []
    while True:
        wire = supervised.connection.fileno()
        ready = select.select([wire, *inputs], [], [])[0]
        if inputs and inputs[0] in ready:
            piece = os.read(inputs.pop(), PIECE)
            supervised.ask({"input": wires.encode(piece) or "-"})
        if wire not in ready:
            continue
        for answer in supervised.receive():
            if "done" in answer:
                return int(answer["done"])
            if "took" in answer:
                inputs = [0]
            show(supervised, answer, read)


def show(supervised: Supervised, answer: dict[str, Any], read: dict[str, int]) -> None:
    """Pass output on, and ask for more when half of what may be on its way has been read."""
    for side, fd in (("out", 1), ("err", 2)):
        if side in answer:
            write(fd, base64.b64decode(answer[side]))
            read[side] += 1
            if read[side] % HALF == 0:
                supervised.ask({"more": side})


def write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def facts() -> int:
    """Print what the supervisor measured, as JSON."""
    supervised = Supervised()
    supervised.ask({"facts": 1})
    print(json.dumps(next(supervised.answers())["facts"]))
    return 0


def main(arguments: list[str]) -> int:
    verb, *rest = arguments
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        if verb == "facts":
            return facts()
        return (console if verb == "console" else run)(json.loads(rest[0]))
    except (EOFError, OSError) as error:
        with contextlib.suppress(OSError):
            os.write(2, f"{error}\n".encode())
        return FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
