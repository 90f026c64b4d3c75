"""One command in the sandbox, its three pipes, and the client that waits for it.

Output is passed on as it comes. When the client reads more slowly than the command writes, we
stop reading the pipe; it fills, and the kernel stops the command. A limit on bytes cuts what
is passed on, a time-out kills the command's process group, and so does a client that leaves:
nobody would ever read the rest.

See pipe(7), pidfd_open(2).
"""

from __future__ import annotations

import contextlib
import os
import signal
from functools import partial
from typing import Any

from runtime.container.processes import Spawned
from runtime.errors import StepError
from runtime.loop import READ, WRITE, Loop
from runtime.shim import frames
from runtime.shim.connection import Connection

READ_SIZE = 64 * 1024


class Execution:
    """Moves bytes between a command's pipes and a connection until the command ends."""

    def __init__(
        self, loop: Loop, connection: Connection, process: Spawned,
        *, stdin: bytes, more_stdin: bool, timeout: float | None, limit: int | None,
    ) -> None:  # fmt: skip
        self.loop, self.connection, self.pid = loop, connection, process.pid
        self.stdin = process.stdin
        self.input, self.more_stdin = bytearray(stdin), more_stdin
        self.left = limit
        self.timed_out = self.truncated = False
        self.exit: dict[str, Any] | None = None
        self.outputs: dict[int, int] = {}
        self.timer = loop.call_later(timeout, self.time_out) if timeout is not None else None
        for fd, kind in ((process.stdout, frames.OUTPUT), (process.stderr, frames.ERROR)):
            if fd is not None:
                os.set_blocking(fd, False)
                self.outputs[fd] = kind
        if self.stdin is not None:
            os.set_blocking(self.stdin, False)
        connection.on_frame = self.message
        connection.on_clear = self.listen
        connection.on_closed = self.abandon
        self.listen()
        self.write_input()

    def listen(self) -> None:
        """Watch the pipes while the client keeps up."""
        for fd in list(self.outputs):
            if self.connection.clear:
                self.loop.watch(fd, READ, partial(self.readable, fd))
            else:
                self.loop.unwatch(fd)
        if self.exit is not None:
            self.drain()

    def readable(self, fd: int, events: int) -> None:
        """A pipe has something, or is at its end."""
        self.read(fd)

    def read(self, fd: int) -> bool:
        """Pass on one read; False when there is nothing (more) to read."""
        try:
            data = os.read(fd, READ_SIZE)
        except BlockingIOError:
            return False
        if not data:
            self.shut(fd)
            return False
        self.pass_on(self.outputs[fd], data)
        if not self.connection.clear:
            for other in self.outputs:
                self.loop.unwatch(other)
        return True

    def pass_on(self, kind: int, data: bytes) -> None:
        """Send output, up to the limit."""
        if self.left is not None:
            self.truncated = self.truncated or len(data) > self.left
            data = data[: self.left]
            self.left -= len(data)
        if data:
            self.connection.send(frames.pack(kind, data))

    def shut(self, fd: int) -> None:
        """An output pipe is at its end."""
        self.loop.unwatch(fd)
        del self.outputs[fd]
        os.close(fd)

    def message(self, kind: int, payload: bytes) -> None:
        """More input; an empty frame is its end."""
        if kind == frames.INPUT and self.more_stdin:
            self.input += payload
            self.more_stdin = bool(payload)
            if len(self.input) > frames.LARGEST_FRAME:
                self.connection.close()
                return
            self.write_input()

    def write_input(self) -> None:
        """Feed the command what it takes, then close its input."""
        if self.stdin is None:
            return
        try:
            while self.input:
                del self.input[: os.write(self.stdin, self.input[:READ_SIZE])]
        except BlockingIOError:
            self.loop.watch(self.stdin, WRITE, lambda events: self.write_input())
            return
        except OSError:
            self.more_stdin = False
        self.loop.unwatch(self.stdin)
        if not self.more_stdin:
            os.close(self.stdin)
            self.stdin = None

    def time_out(self) -> None:
        """The command took too long."""
        self.timed_out = True
        self.kill()

    def abandon(self) -> None:
        """The client left."""
        if self.exit is None:
            self.kill()
        self.close()

    def kill(self) -> None:
        """Kill the command's process group; its leader is not yet reaped, so the id is ours."""
        for send in (os.killpg, os.kill):
            with contextlib.suppress(OSError):
                send(self.pid, signal.SIGKILL)

    def ended(self, exit: dict[str, Any]) -> None:
        """The command was reaped. Processes it left behind may hold the pipes: do not wait for those."""
        self.exit = exit
        if self.timer is not None:
            self.timer.cancel()
        self.drain()

    def stillborn(self, error: StepError) -> None:
        """The command could not be executed."""
        if self.timer is not None:
            self.timer.cancel()
        self.close()
        self.connection.on_closed = lambda: None
        self.connection.on_failed(error)

    def drain(self) -> None:
        """Pass on what is in the pipes, then say how it ended."""
        for fd in list(self.outputs):
            for _ in range(32):  # a pipe holds 64 KiB unless enlarged; a writer left behind may refill it
                if not self.read(fd):
                    break
        if self.connection.open:
            self.connection.send_json(frames.CONTROL, {
                "type": "exit", **(self.exit or {}),
                "timed_out": self.timed_out, "truncated": self.truncated,
            })  # fmt: skip
        self.close()
        self.connection.finish()

    def close(self) -> None:
        """Close the pipes; harmless when repeated."""
        for fd in list(self.outputs):
            self.shut(fd)
        if self.stdin is not None:
            self.loop.unwatch(self.stdin)
            os.close(self.stdin)
            self.stdin = None
