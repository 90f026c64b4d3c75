"""What a machine gets from outside, and what it tells there: one socket, the supervisor's standard input.

The container has no device to make a network card of, and no path to another machine's memory. What
comes from the host comes as an open descriptor in the first message; what the supervisor measures goes
back the same way, for the page that shows it.

What runs beside QEMU has no dataclasses: their module takes longer to import than all the rest that is here.

See unix(7), SCM_RIGHTS. Without it /dev/net/tun would have to be in the container, and a right to use it.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
import time
from typing import Any

LARGEST = 64 * 1024
MOST_DESCRIPTORS = 4


class Host:
    """`asked` is the moment of the request on CLOCK_MONOTONIC; `address` is like 10.88.0.11/24; `fds` by name."""

    def __init__(self, told: dict[str, Any], fds: dict[str, int], channel: socket.socket | None = None) -> None:
        self.hostname = str(told.get("hostname", "vm"))
        self.asked = float(told.get("asked", time.monotonic()))
        self.address = str(told.get("address", ""))
        self.hosts: dict[str, str] = told.get("hosts", {})
        self.fds, self.channel = fds, channel

    @classmethod
    def on(cls, fd: int) -> Host:
        """Take the first message from a socket; anything else gives a machine that has nothing from outside."""
        if not stat.S_ISSOCK(os.fstat(fd).st_mode):
            return cls({}, {})
        channel = socket.socket(fileno=os.dup(fd))
        data, fds, _, _ = socket.recv_fds(channel, LARGEST, MOST_DESCRIPTORS)
        told: dict[str, Any] = json.loads(data)
        return cls(told, dict(zip(told["descriptors"], fds, strict=True)), channel)

    def tell(self, **message: Any) -> None:
        """A word to the shim; nobody waits for it to be read."""
        if self.channel is not None:
            with contextlib.suppress(OSError):
                self.channel.send(json.dumps(message).encode(), socket.MSG_DONTWAIT)


def message(hostname: str, asked: float, address: str, hosts: dict[str, str], names: list[str]) -> bytes:
    """The first message, as the shim writes it."""
    told = {"hostname": hostname, "asked": asked, "address": address, "hosts": hosts, "descriptors": names}
    return json.dumps(told).encode()
