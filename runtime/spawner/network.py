"""The network helper, seen from the spawner: one process for all labs of this node.

Links and addresses are made by a library that takes a fifth of a second to import, so one
process does it for everyone. A node's spawner starts it at once, another with the first lab. Each shim asks
on the same socket; a SEQPACKET message is whole or not there, and each carries the socket its
answer is wanted on, so many may ask at once.

See unix(7) for SCM_RIGHTS.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

from runtime.errors import RefusedError

PATIENCE = 20.0


class Port:
    """A shim's way to the helper."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock

    def ask(self, lab: str, namespace: int, index: int, *, machine: bool = False, internet: bool = False) -> socket.socket:
        """Ask for a network namespace to be plugged into a lab's bridge, or for a tap device at the bridge for
        the machine in it, perhaps with a way out; where the answer will come."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(PATIENCE)
        request = {"verb": "attach", "lab": lab, "index": index, "machine": machine, "internet": internet}
        with theirs:
            socket.send_fds(self.socket, [json.dumps(request).encode()], [namespace, theirs.fileno()])
        return ours

    def answer(self, channel: socket.socket) -> list[int]:
        """The answer: a descriptor that keeps the lab's network, and for a machine one of its tap device."""
        with channel:
            message, descriptors, _, _ = socket.recv_fds(channel, 65536, 2)
        answer = json.loads(message or b'{"error": "the network helper ended"}')
        if "error" in answer or not descriptors:
            raise RefusedError("network", "network", str(answer.get("error", "no descriptor came")))
        return list(descriptors)

    def close(self) -> None:
        """Let go of our copy."""
        self.socket.close()


class NetworkHelper:
    """Starts the helper when it is needed, and again if it has died."""

    def __init__(self, sandboxes: Path) -> None:
        self.sandboxes = sandboxes
        self.process: subprocess.Popen[bytes] | None = None
        self.socket: socket.socket | None = None

    def port(self) -> Port:
        """A port to a helper that runs."""
        if not self.listens():
            self.start()
        assert self.socket is not None
        return Port(self.socket.dup())

    def listens(self) -> bool:
        """Is there a process that holds the other end? A killed one closes it some time before it can be waited for."""
        if self.socket is None or self.process is None or self.process.poll() is not None:
            return False
        ask = select.poll()
        ask.register(self.socket, 0)
        return not ask.poll(0)

    def start(self) -> None:
        """Start it, with one end of a socket pair as its standard input."""
        self.close()
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "runtime.container.network", str(self.sandboxes)],
                stdin=theirs.fileno(), start_new_session=True,
            )  # fmt: skip

    def let_go(self) -> None:
        """In a fork: the helper is not ours."""
        if self.socket is not None:
            self.socket.close()
        self.process = None

    def close(self) -> None:
        """End the helper; it would end by itself once nobody holds the socket."""
        if self.socket is not None:
            self.socket.close()
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGTERM)
            self.process.wait()
        self.socket = self.process = None
