"""A terminal of the sandbox on the terminal we were started in.

Ours goes into raw mode: it must not echo, edit or turn Ctrl-C into a signal, for the one
inside does all that. See termios(3).
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
from typing import Any

from runtime.errors import RefusedError
from runtime.shim import frames
from runtime.shim.client import ShimClient, checked


def write_all(fd: int, data: bytes) -> None:
    """Write everything; a reader that has gone ends it quietly."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BrokenPipeError:
            return


def size() -> tuple[int, int]:
    """Our own size, or the customary one."""
    try:
        cols, rows = os.get_terminal_size(0)
    except OSError:
        return 80, 24
    return min(cols, 1000) or 80, min(rows, 500) or 24


@contextlib.contextmanager
def raw() -> Iterator[None]:
    """Raw mode while attached."""
    if not os.isatty(0):
        yield
        return
    before = termios.tcgetattr(0)
    tty.setraw(0, termios.TCSADRAIN)  # keys typed ahead are kept
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


@contextlib.contextmanager
def window_changes() -> Iterator[int]:
    """A descriptor that becomes readable on SIGWINCH."""
    readable, writable = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    old_handler = signal.signal(signal.SIGWINCH, lambda number, frame: None)
    old_fd = signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    try:
        yield readable
    finally:
        signal.set_wakeup_fd(old_fd)
        signal.signal(signal.SIGWINCH, old_handler)
        os.close(readable)
        os.close(writable)


def terminal(client: ShimClient, request: dict[str, Any]) -> int:
    """Run a command on a terminal of its own; its exit status."""
    cols, rows = size()
    hello = {"n": None, "since": None, "cols": cols, "rows": rows, "write": True, "flow": True}
    with client.attach(**hello, **request) as connection, window_changes() as changes, raw():
        return serve(connection, changes)


def serve(connection: socket.socket, changes: int) -> int:
    """Keys in, output out, until the program ends."""
    parser = frames.Parser()
    offset = 0
    watched = [connection.fileno(), 0, changes]
    while True:
        ready = select.select(watched, [], [])[0]
        if changes in ready:
            os.read(changes, 64)
            connection.sendall(frames.pack(frames.RESIZE, frames.SIZE.pack(*size())))
        if 0 in ready:
            keys = os.read(0, 4096)
            connection.sendall(frames.pack(frames.INPUT, keys or b"\x04"))
            if not keys:
                watched.remove(0)
        if connection.fileno() not in ready:
            continue
        data = connection.recv(256 * 1024)
        if not data:
            raise RefusedError("lost", None, "the sandbox ended")
        for kind, payload in parser.feed(data):
            if kind == frames.OUTPUT:
                write_all(1, payload)
                offset += len(payload)
                connection.sendall(frames.pack(frames.ACK, frames.OFFSET.pack(offset)))
                continue
            message = checked(frames.unpack_json(payload))
            if message["type"] == "exit":
                return int(message["code"])
            offset = int(message["offset"]) if message["type"] in ("hello", "skip") else offset
