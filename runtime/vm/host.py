"""What a machine gets from outside, and what it tells there: one socket, the supervisor's standard input.

The container has no device to make a network card of, and no path to another machine's memory. What
comes from the host comes as an open descriptor in the first message; what the supervisor measures goes
back the same way, for the page that shows it.

See unix(7), SCM_RIGHTS. Without it /dev/net/tun would have to be in the container, and a right to use it.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
import time
from dataclasses import dataclass, field
from typing import Any

LARGEST = 64 * 1024
MOST_DESCRIPTORS = 4


@dataclass
class Host:
    """`asked` is the moment of the request on CLOCK_MONOTONIC; `address` is like 10.88.0.11/24; `fds` by name."""

    hostname: str = "vm"
    asked: float = field(default_factory=time.monotonic)
    address: str = ""
    hosts: dict[str, str] = field(default_factory=dict)
    fds: dict[str, int] = field(default_factory=dict)
    channel: socket.socket | None = None

    @classmethod
    def on(cls, fd: int) -> Host:
        """Take the first message from a socket; anything else gives a machine that has nothing from outside."""
        if not stat.S_ISSOCK(os.fstat(fd).st_mode):
            return cls()
        channel = socket.socket(fileno=os.dup(fd))
        data, fds, _, _ = socket.recv_fds(channel, LARGEST, MOST_DESCRIPTORS)
        told: dict[str, Any] = json.loads(data)
        names = told.pop("descriptors")
        return cls(**told, fds=dict(zip(names, fds, strict=True)), channel=channel)

    def tell(self, **message: Any) -> None:
        """A word to the shim; nobody waits for it to be read."""
        if self.channel is not None:
            with contextlib.suppress(OSError):
                self.channel.send(json.dumps(message).encode(), socket.MSG_DONTWAIT)


def message(hostname: str, asked: float, address: str, hosts: dict[str, str], names: list[str]) -> bytes:
    """The first message, as the shim writes it."""
    told = {"hostname": hostname, "asked": asked, "address": address, "hosts": hosts, "descriptors": names}
    return json.dumps(told).encode()
