"""A terminal on this side, a guest's console on the other, and bytes in between.

Each direction stops reading when the other end does not take what was read, so a console that is
flooded holds the guest up and not our memory, and Ctrl-C still gets through meanwhile.

See poll(2), termios(3).
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import termios
import tty
from collections.abc import Iterator
from typing import Any, Protocol

READ_SIZE = 65536
IN, OUT = 0, 1


class Talker(Protocol):
    """What the relay needs of a connection to the supervisor."""

    connection: socket.socket

    def ask(self, request: dict[str, Any]) -> None: ...

    def receive(self) -> list[dict[str, Any]]: ...


class Relay:
    """Runs until the shell on the console has ended."""

    def __init__(self, supervised: Talker, number: int, wire: int) -> None:
        self.supervised, self.number, self.wire = supervised, number, wire
        self.answers = supervised.connection.fileno()
        self.shown = self.typed = b""
        self.prompt = False
        self.awake, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.signal(signal.SIGWINCH, lambda *_: None)
        signal.set_wakeup_fd(wake)
        for fd in (IN, OUT, wire):
            os.set_blocking(fd, False)

    def run(self) -> int:
        """The shell's exit status; EOFError when the machine has ended."""
        with raw(IN):
            while True:
                status = self.turn()
                if status is not None:
                    return status

    def turn(self) -> int | None:
        """One wait, and everything that it made possible."""
        reading = [self.awake, self.answers, *([] if self.shown else [self.wire]), *([] if self.typed else [IN])]
        writing = [*([OUT] if self.shown else []), *([self.wire] if self.typed else [])]
        ready, writable, _ = select.select(reading, writing, [])
        if self.wire in ready:
            self.shown = self.from_guest()
        if IN in ready:
            self.typed = os.read(IN, READ_SIZE)
        if self.awake in ready:
            os.read(self.awake, READ_SIZE)
            self.supervised.ask({"window": [self.number, *window()]})
        if OUT in writable:
            self.shown = self.shown[_write(OUT, self.shown) :]
        if self.wire in writable:
            self.typed = self.typed[_write(self.wire, self.typed) :]
        return self.ended() if self.answers in ready and not self.shown else None

    def from_guest(self) -> bytes:
        data = os.read(self.wire, READ_SIZE)
        if data and not self.prompt:
            self.prompt = True
            self.supervised.ask({"prompt": self.number})
        return data

    def ended(self) -> int | None:
        """Whether the shell has ended; what it wrote last comes first."""
        for answer in self.supervised.receive():
            if "closed" in answer:
                with contextlib.suppress(BlockingIOError):
                    while data := os.read(self.wire, READ_SIZE):
                        os.set_blocking(OUT, True)
                        os.write(OUT, data)
                return int(str(answer["closed"]))
        return None


def _write(fd: int, data: bytes) -> int:
    try:
        return os.write(fd, data)
    except BlockingIOError:
        return 0


def window() -> tuple[int, int]:
    """Rows and columns of our terminal."""
    with contextlib.suppress(OSError):
        return termios.tcgetwinsize(0)
    return 24, 80


@contextlib.contextmanager
def raw(fd: int) -> Iterator[None]:
    """The guest's console does the echoing and the line editing; ours must pass every byte."""
    before = termios.tcgetattr(fd)
    tty.setraw(fd)
    try:
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSANOW, before)
