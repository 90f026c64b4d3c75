"""What a terminal or a command of a machine is, on the host: a small process in the machine's container.

`console N [USER]` joins its own terminal with a console of the guest, `run COMMAND…` has a command run
and ends as it ended. Both start as any process of a container does, so everything that holds for those
(limits, several viewers, time-outs, output limits) holds for a machine too.

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
import termios
import time
import tty
from collections.abc import Iterator
from typing import Any

from runtime.vm import wires
from runtime.vm.supervisor import SOCKET

PATIENCE = 60.0
READ_SIZE = 65536
LONGEST_INPUT = 256 * 1024


class Supervised:
    """A connection to the supervisor; answers are dictionaries, descriptors come with them."""

    def __init__(self) -> None:
        self.connection = _connect()
        self.rest = b""
        self.fds: list[int] = []

    def ask(self, request: dict[str, Any]) -> None:
        self.connection.sendall(json.dumps(request).encode() + b"\n")

    def receive(self) -> list[dict[str, Any]]:
        """The answers that are there; EOFError when the machine has gone."""
        data, fds, _, _ = socket.recv_fds(self.connection, READ_SIZE, 1)
        if not data:
            raise EOFError("the machine has ended")
        self.fds += fds
        *lines, self.rest = (self.rest + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def answers(self) -> Iterator[dict[str, Any]]:
        while True:
            yield from self.receive()


def _connect() -> socket.socket:
    """The supervisor starts at the same time as we do."""
    until = time.monotonic() + PATIENCE
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(SOCKET))
            return connection
        except OSError:
            connection.close()
            if time.monotonic() > until:
                raise
            time.sleep(0.01)


def console(number: int, user: str) -> int:
    """Join our terminal and the guest's console until its shell ends; the shell's status."""
    supervised = Supervised()
    rows, cols = _size()
    supervised.ask({"console": number, "rows": rows, "cols": cols, "user": user})
    while not supervised.fds:
        supervised.receive()
    wire = supervised.fds[0]
    awake, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGWINCH, lambda *_: None)
    signal.set_wakeup_fd(wake)
    with _raw(0):
        return _relay(supervised, number, wire, awake)


def _relay(supervised: Supervised, number: int, wire: int, awake: int) -> int:
    answers = supervised.connection.fileno()
    while True:
        ready = select.select([0, wire, awake, answers], [], [])[0]
        if wire in ready:
            _write(1, os.read(wire, READ_SIZE))
        elif answers in ready:
            for answer in supervised.receive():
                if "closed" in answer:
                    return int(answer["closed"])
        if 0 in ready:
            typed = os.read(0, READ_SIZE)
            if not typed:
                return 0
            _write(wire, typed)
        if awake in ready:
            os.read(awake, READ_SIZE)
            Supervised().ask({"window": [number, *_size()]})


def _write(fd: int, data: bytes) -> None:
    """All of it; the console's socket is shared with QEMU and may be set not to block."""
    while data:
        try:
            data = data[os.write(fd, data) :]
        except BlockingIOError:
            select.select([], [fd], [])


def _size() -> tuple[int, int]:
    with contextlib.suppress(OSError):
        return termios.tcgetwinsize(0)
    return 24, 80


@contextlib.contextmanager
def _raw(fd: int) -> Iterator[None]:
    """The guest's console does the echoing and the line editing; ours must pass every byte."""
    before = termios.tcgetattr(fd)
    tty.setraw(fd)
    try:
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSANOW, before)


def run(command: list[str]) -> int:
    """Have the guest run a command with our standard input, and end as it ended."""
    given = b"" if sys.stdin.isatty() else sys.stdin.buffer.read(LONGEST_INPUT)
    supervised = Supervised()
    request = {"command": wires.encode(shlex.join(command).encode()), "input": wires.encode(given)}
    supervised.ask({"run": request})
    for answer in supervised.answers():
        if "done" in answer:
            return int(answer["done"])
        for side, fd in (("out", 1), ("err", 2)):
            if side in answer:
                _write(fd, base64.b64decode(answer[side]))
    return 255


def facts() -> int:
    """Print what the supervisor measured, as JSON."""
    supervised = Supervised()
    supervised.ask({"facts": 1})
    print(json.dumps(next(supervised.answers())["facts"]))
    return 0


def main(arguments: list[str]) -> int:
    verb, *rest = arguments
    try:
        if verb == "console":
            return console(int(rest[0]), rest[1] if len(rest) > 1 else "root")
        return run(rest) if verb == "run" else facts()
    except (EOFError, OSError) as error:
        print(f"machine: {error}", file=sys.stderr)
        return 125


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
