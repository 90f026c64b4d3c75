"""Files in and out of a sandbox, moved by a process inside it.

The shim is root on the host; if it opened a path the guest controls, a symbolic link or a
mount there could lead it anywhere. So it never does: a short-lived shell inside, with the
guest's own rights and root directory, reads from a pipe or writes to one.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from runtime.errors import RefusedError, VitrineError
from runtime.shim import frames, requests
from runtime.shim.connection import Connection

WRITE = 'umask 077 && mkdir -p -- "$(dirname -- "$1")" && cat > "$1" && chmod "$2" -- "$1"'
READ = 'test -f "$1" && head -c "$2" -- "$1"'
TIMEOUT = 20.0
Answer = Callable[[int, bytes, bytes], dict[str, Any]]


def command(script: str, user: str, stdin: bytes, *words: str) -> dict[str, Any]:
    """The shell that does it, in the shape of an exec request."""
    return {
        "args": ["/bin/sh", "-c", script, "vitrine", *words], "env": {}, "cwd": "/", "user": user,
        "timeout": TIMEOUT, "limit": None, "stdin": stdin, "more_stdin": False,
    }  # fmt: skip


def put(fields: dict[str, Any]) -> dict[str, Any]:
    """The command that writes a file."""
    path = absolute(fields)
    mode = requests.whole(fields, "mode", 0o644, 0, 0o7777)
    uid = requests.whole(fields, "uid", 0, 0, 65535)
    return command(WRITE, str(uid), requests.data(fields, "data"), path, f"{mode:o}")


def get(fields: dict[str, Any]) -> dict[str, Any]:
    """The command that reads one."""
    limit = requests.whole(fields, "limit", 1 << 20, 1, requests.LARGEST_FILE)
    return command(READ, "root", b"", absolute(fields), str(limit))


def absolute(fields: dict[str, Any]) -> str:
    """The path, which has to be an absolute one."""
    path = requests.text(fields, "path", "")
    if not path.startswith("/"):
        raise requests.refuse("path: not absolute")
    return str(path)


def answer_put(code: int, stdout: bytes, stderr: bytes) -> dict[str, Any]:
    """Nothing to say when it worked."""
    if code:
        raise RefusedError("file", None, stderr.decode(errors="replace").strip() or f"exit status {code}")
    return {}


def answer_get(code: int, stdout: bytes, stderr: bytes) -> dict[str, Any]:
    """The file's bytes."""
    if code:
        raise RefusedError("file", None, stderr.decode(errors="replace").strip() or "no such file")
    return {"data": base64.b64encode(stdout).decode()}


class Collector:
    """Stands between a command and its client; turns the command's frames into one answer."""

    def __init__(self, connection: Connection, answer: Answer) -> None:
        self.connection = connection
        self.make_answer = answer
        self.parser = frames.Parser()
        self.output = {frames.OUTPUT: bytearray(), frames.ERROR: bytearray()}
        self.on_frame: Callable[[int, bytes], None] = lambda kind, payload: None
        self.on_clear: Callable[[], None] = lambda: None
        self.on_closed: Callable[[], None] = lambda: None

    def capture(self, run: Callable[[Any], Any]) -> None:
        """Start the command with us as its client; leave with the real one."""
        run(self)
        self.connection.on_closed = lambda: self.on_closed()

    def on_failed(self, error: VitrineError) -> None:
        """There is no such command; the client is told by whoever accepted it."""
        self.connection.on_closed = lambda: None
        self.connection.on_failed(error)

    @property
    def open(self) -> bool:
        return self.connection.open

    @property
    def clear(self) -> bool:
        return self.connection.open

    def send(self, *parts: bytes | memoryview) -> None:
        """Keep the output."""
        for kind, payload in self.parser.feed(b"".join(parts)):
            if kind in self.output and len(self.output[kind]) < requests.LARGEST_FILE:
                self.output[kind] += payload

    def send_json(self, kind: int, message: dict[str, Any]) -> None:
        """The end of the command: answer."""
        stdout, stderr = (bytes(self.output[kind]) for kind in (frames.OUTPUT, frames.ERROR))
        try:
            answer = {"ok": True, **self.make_answer(message["code"], stdout, stderr)}
        except RefusedError as error:
            answer = {"ok": False, "error": {"code": error.code, "step": None, "message": error.message}}
        self.connection.send_json(frames.REQUEST, answer)

    def finish(self) -> None:
        """Nothing follows."""
        self.connection.on_closed = lambda: None
        self.connection.finish()

    def close(self) -> None:
        """The client is to go."""
        self.connection.close()
