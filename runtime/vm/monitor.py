"""QEMU's monitor: JSON over a socket that nobody else holds an end of.

It says when QEMU is up and why the machine ended, and it is the only way to take a machine's state out, or
to give it that of another. Nothing of the guest's comes through it.

See docs/interop/qmp-spec.txt of QEMU, and qemu-qmp-ref(7).
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any

from runtime.errors import VitrineError

PATIENCE = 20.0
Message = dict[str, Any]


class Monitor:
    """Our end. `happened` is told of events; commands are sent and answered in turn."""

    def __init__(self, sock: socket.socket, happened: Callable[[Message], None]) -> None:
        self.socket = sock
        self.happened = happened
        self.rest = b""
        self.migration = ""

    def receive(self) -> list[Message]:
        """Answers and the greeting that have come; events go to `happened`. Empty at QEMU's end, too."""
        data = self.socket.recv(65536)
        *lines, self.rest = (self.rest + data).split(b"\n")
        messages = [json.loads(line) for line in lines]
        for message in messages:
            if message.get("event") == "MIGRATION":
                self.migration = message["data"]["status"]
            elif "event" in message:
                self.happened(message)
        if not data:
            raise EOFError("QEMU has ended")
        return [message for message in messages if "event" not in message]

    def begin(self) -> None:
        """Answer the greeting; QEMU takes no command before."""
        self.ask("qmp_capabilities")

    def ask(self, command: str, **arguments: Any) -> Any:
        """Send a command and wait for its answer; VitrineError with QEMU's words if it is refused."""
        self.socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        return self._answer(command)

    def migrated(self) -> None:
        """Wait until the state has passed; VitrineError when it has not."""
        self.socket.settimeout(PATIENCE)
        try:
            while self.migration not in ("completed", "failed", "cancelled"):
                self.receive()
        finally:
            self.socket.settimeout(None)
        if self.migration != "completed":
            raise VitrineError(f"QEMU, migration {self.migration}: {self.ask('query-migrate').get('error-desc')}")

    def give(self, name: str, fd: int) -> None:
        """Hand QEMU a descriptor under a name."""
        order = {"execute": "getfd", "arguments": {"fdname": name}}
        socket.send_fds(self.socket, [json.dumps(order).encode() + b"\n"], [fd])
        self._answer("getfd")

    def _answer(self, command: str) -> Any:
        self.socket.settimeout(PATIENCE)
        try:
            while True:
                for message in self.receive():
                    if "error" in message:
                        raise VitrineError(f"QEMU, {command}: {message['error'].get('desc')}")
                    if "return" in message:
                        return message["return"]
        finally:
            self.socket.settimeout(None)
