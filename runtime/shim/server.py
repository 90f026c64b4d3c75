"""The shim at work: answers on `shim.sock`, reaps what ends, and takes everything away at last.

A connection opens with one JSON frame whose verb decides what it becomes: an attachment to a
terminal, a command with its pipes, or a question with one answer. Processes are watched by
pidfd: readable means ended, and the number cannot have been given to another in between.

See pidfd_open(2), unix(7).
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from runtime.container.lifecycle import Container
from runtime.errors import RefusedError, StepError, VitrineError
from runtime.loop import READ, Loop
from runtime.paths import Paths
from runtime.shim import frames, genuine, ports, requests, services
from runtime.shim.connection import Connection
from runtime.shim.observer import Watch, subject_of
from runtime.shim.sandbox import Sandbox

MOST_CONNECTIONS = 128
VERSION = 1  # of the requests


class Shim:
    """One sandbox and its socket."""

    def __init__(self, container: Container, paths: Paths, group: int) -> None:
        self.container = container
        self.loop = Loop()
        self.sandbox = Sandbox(self.loop, container, paths)
        self.watch = Watch(self.loop, lambda: subject_of(container, paths))
        self.connections: set[Connection] = set()
        self.listener = listen(paths.shim_socket(container.spec.id), group)
        self.loop.watch(self.listener.fileno(), READ, self.accept)
        self.wake_on_sigterm()
        services.begin(self.sandbox)

    def wake_on_sigterm(self) -> None:
        """SIGTERM ends the loop: a handler may only write one byte, the loop does the rest."""
        readable, writable = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, lambda number, frame: None)
        self.loop.watch(readable, READ, lambda events: self.loop.stop())

    def run(self) -> None:
        """Serve until told to go, then remove the sandbox and everything of it."""
        try:
            self.loop.run()
        finally:
            self.watch.stop()
            for connection in list(self.connections):
                connection.close()
            self.listener.close()
            self.container.delete()

    def accept(self, events: int) -> None:
        """A new client."""
        try:
            sock, _ = self.listener.accept()
        except OSError:
            return
        if len(self.connections) >= MOST_CONNECTIONS:
            sock.close()
            return
        connection = Connection(self.loop, sock)
        self.connections.add(connection)
        connection.on_frame = lambda kind, payload: self.first_frame(connection, kind, payload)
        connection.on_gone = lambda: self.connections.discard(connection)

    def first_frame(self, connection: Connection, kind: int, payload: bytes) -> None:
        """The request. Whatever is refused, the client is told why."""
        if kind != frames.REQUEST:
            connection.close()
            return
        connection.on_frame = lambda kind, payload: None
        fields = frames.unpack_json(payload)
        verb = fields.get("verb")
        connection.on_failed = lambda error: self.refuse(
            connection, verb, error_code(error), getattr(error, "step", None), str(error)
        )
        try:
            self.perform(str(verb), connection, fields)
        except VitrineError as error:
            connection.on_failed(error)
        except OSError as error:
            self.refuse(connection, verb, os_code(error), None, str(error))
        except Exception:  # noqa: BLE001 - a fault in one request must not end everyone's sandbox
            with contextlib.suppress(OSError):  # nobody may read our log any more
                traceback.print_exc()
            self.refuse(connection, verb, "internal", None, "the shim failed; its log says why")

    def refuse(self, connection: Connection, verb: object, code: str, step: str | None, message: str) -> None:
        """Say no, in the shape this verb's client expects."""
        error = {"code": code, "step": step, "message": message}
        if verb == "terminal":
            connection.send_json(frames.CONTROL, {"type": "error", **error})
        else:
            connection.send_json(frames.REQUEST, {"ok": False, "error": error})
        connection.finish()

    def answer(self, connection: Connection, **fields: Any) -> None:
        """The one answer to a question."""
        connection.send_json(frames.REQUEST, {"ok": True, **fields})
        connection.finish()

    def perform(self, verb: str, connection: Connection, fields: dict[str, Any]) -> None:
        """Dispatch by verb. A shim may be older than who asks: what it does not speak it says."""
        if fields.get("v", VERSION) != VERSION:
            raise requests.refuse(f"v: {fields['v']!r} is not {VERSION}, the version this shim speaks")
        sandbox = self.sandbox
        questions: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "state": sandbox.state, "observe": sandbox.observe, "replaced": partial(genuine.answer, sandbox),
            "kill": sandbox.kill, "pause": sandbox.pause, "resume": sandbox.resume,
        }  # fmt: skip
        long: dict[str, Callable[[Connection, dict[str, Any]], None]] = {
            "terminal": sandbox.attach, "exec": sandbox.execute, "put": sandbox.put, "get": sandbox.get,
            "start": sandbox.start, "watch": self.add_viewer, "port": self.open_port,
        }  # fmt: skip
        if verb in questions:
            self.answer(connection, **questions[verb](fields))
        elif verb in long:
            long[verb](connection, fields)
        else:
            raise requests.refuse(f"verb: {verb!r} is not known")

    def open_port(self, connection: Connection, fields: dict[str, Any]) -> None:
        """Hand over a connection to a server in the sandbox."""
        self.sandbox.need_init()
        if self.sandbox.machine is not None:
            raise RefusedError("machine", None, "a virtual machine's ports are behind its own kernel: ask its programs")
        ports.hand_over(connection, self.container.init_pid, fields)

    def add_viewer(self, connection: Connection, fields: dict[str, Any]) -> None:
        """Show the x-ray: `once`, or as it changes."""
        self.sandbox.need_init()
        self.watch.add(connection, once=bool(fields.get("once", False)))


def error_code(error: VitrineError) -> str:
    """The error's own code, but for a program that could not be executed: then the reason's."""
    if isinstance(error, StepError) and error.step == "exec" and isinstance(error.cause, OSError):
        return os_code(error.cause)
    return error.code


def os_code(error: OSError) -> str:
    """A program that is not there and one that may not be run have codes of their own."""
    codes = {errno.ENOENT: "not-found", errno.ENOTDIR: "not-found", errno.EACCES: "not-executable",
             errno.ENOEXEC: "not-executable", errno.EPERM: "not-executable"}  # fmt: skip
    return codes.get(error.errno or 0, "os")


def listen(path: Path, group: int) -> socket.socket:
    """The shim's socket, for root and one group."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    mask = os.umask(0o117)
    try:
        listener.bind(str(path))
    finally:
        os.umask(mask)
    os.chown(path, 0, group)
    listener.listen(64)
    return listener
