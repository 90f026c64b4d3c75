"""The blocking client of a shim: run a command in the sandbox, put a file, ask for facts.

Each call opens its own connection: the shim serves as many at once as it is asked, and a
command that is cut off by closing its connection is killed.
"""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.errors import RuntimeRefused, SpawnerUnavailable
from runtime.shim import frames


@dataclass(frozen=True)
class ExecResult:
    """How a command in the sandbox ended and what it wrote."""

    code: int
    stdout: bytes
    stderr: bytes
    timed_out: bool = False
    truncated: bool = False


class ShimClient:
    """Talks to one sandbox through its `shim.sock`."""

    def __init__(self, path: Path | str, timeout: float | None = 30.0) -> None:
        self.path = str(path)
        self.timeout = timeout

    def connect(self) -> socket.socket:
        """A new connection; SpawnerUnavailable if no shim listens."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(self.timeout)
        try:
            connection.connect(self.path)
        except OSError as error:
            connection.close()
            raise SpawnerUnavailable(f"no shim answers at {self.path}: {error}") from error
        return connection

    def ask(self, verb: str, **fields: Any) -> dict[str, Any]:
        """Send one request and return its JSON answer."""
        with self.connect() as connection:
            request = {"v": 1, "verb": verb, **fields}
            connection.sendall(frames.pack_json(frames.REQUEST, request))
            for kind, payload in frames.receive(connection, frames.Parser()):
                if kind == frames.REQUEST:
                    return checked(frames.unpack_json(payload))
        raise SpawnerUnavailable(f"the shim at {self.path} closed without an answer")

    def exec(
        self,
        args: Iterable[str],
        env: dict[str, str] | None = None,
        cwd: str | None = None,
        user: str = "root",
        timeout: float = 30.0,
        limit: int = 1 << 20,
        stdin: bytes = b"",
        reply: Callable[[bytes], bytes] | None = None,
        aside: bool = False,
    ) -> ExecResult:
        """Run a command inside and wait for it.

        With `reply` its standard input stays open: what it writes to standard error is given to
        `reply`, and what that returns is typed back. So a command can ask something and go on.
        `aside` promises that a shell which waits at its prompt need not know of it, and so may stay.
        """
        request = {
            "v": 1, "verb": "exec", "args": list(args), "env": env or {}, "cwd": cwd, "user": user,
            "timeout": timeout, "limit": limit, "stdin": True if reply else base64.b64encode(stdin).decode(),
            "aside": aside,
        }  # fmt: skip
        output: dict[int, bytearray] = {frames.OUTPUT: bytearray(), frames.ERROR: bytearray()}
        with self.connect() as connection:
            connection.settimeout(timeout + 10)
            connection.sendall(frames.pack_json(frames.REQUEST, request))
            if reply and stdin:
                connection.sendall(frames.pack(frames.INPUT, stdin))
            for kind, payload in frames.receive(connection, frames.Parser()):
                if kind in output:
                    output[kind] += payload
                    if reply and kind == frames.ERROR and (answer := reply(payload)):
                        connection.sendall(frames.pack(frames.INPUT, answer))
                elif kind in (frames.CONTROL, frames.REQUEST):
                    end = checked(frames.unpack_json(payload))
                    return ExecResult(
                        end["code"], bytes(output[frames.OUTPUT]), bytes(output[frames.ERROR]),
                        end["timed_out"], end["truncated"],
                    )  # fmt: skip
        raise SpawnerUnavailable(f"the sandbox at {self.path} ended during the command")

    def put(self, path: str, data: bytes, mode: int = 0o644, uid: int = 0) -> None:
        """Write a file inside, as that user, its path resolved inside the sandbox's root."""
        self.ask("put", path=path, mode=mode, uid=uid, data=base64.b64encode(data).decode())

    def get(self, path: str, limit: int = 1 << 20) -> bytes:
        """Read a file inside, its path resolved inside the sandbox's root."""
        return base64.b64decode(self.ask("get", path=path, limit=limit)["data"])

    def port(self, port: int, family: int = 4) -> socket.socket:
        """A socket to a port of the sandbox's own loopback, on its way: wait until it can be written to."""
        with self.connect() as connection:
            connection.sendall(frames.pack_json(frames.REQUEST, {"v": 1, "verb": "port", "port": port, "family": family}))
            data, fds, _, _ = socket.recv_fds(connection, 65536, 1)
            made = [socket.socket(fileno=fd) for fd in fds]
            for _, payload in frames.Parser().feed(data):
                checked(frames.unpack_json(payload))
        if not made:
            raise SpawnerUnavailable(f"the shim at {self.path} closed without an answer")
        return made[0]

    def state(self) -> dict[str, Any]:
        """The sandbox's state, its usage and its terminals."""
        return self.ask("state")

    def replaced(self, paths: Iterable[str]) -> list[str]:
        """Which of these files are no longer the image's own: changed, deleted, or mounted over."""
        return list(self.ask("replaced", paths=list(paths))["paths"])

    def observe(self) -> dict[str, Any]:
        """Facts seen from the host's side: processes, their namespaces and mounts."""
        return self.ask("observe")

    def attach(self, **hello: Any) -> socket.socket:
        """A connection on which a terminal was asked for; frames follow in both directions."""
        connection = self.connect()
        connection.settimeout(None)
        request = {"v": 1, "verb": "terminal", **hello}
        connection.sendall(frames.pack_json(frames.REQUEST, request))
        return connection


def checked(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer, or the refusal it carries as an exception."""
    error = answer.get("error")
    if error is None and answer.get("type") == "error":
        error = answer
    if error is not None:
        raise RuntimeRefused(error.get("code", "error"), error.get("step"), error.get("message", ""))
    return answer
