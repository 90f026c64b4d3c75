"""The network helper: one process that joins sandboxes of a laboratory by a switch.

`python -m runtime.container.network` reads requests from a SEQPACKET socket on its standard
input. Each carries two descriptors: the network namespace to plug in, and the socket on which
the answer is wanted; the answer carries the laboratory's namespace, which the shim keeps open.

A laboratory's network is a namespace of its own, so the host has no bridge, no address and no
rule to clean up. When the last sandbox is gone its cables are gone too (a veth dies with either
end), and the helper forgets a switch without cables.

Addresses: sandbox k of a laboratory has 10.88.0.(k+10). See network_namespaces(7).
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import signal
import socket
import sys
from typing import Any

from runtime.errors import SpecError
from runtime.linux import netlink
from runtime.paths import check_id

SUBNET = "10.88.0."
FIRST = 10
LENGTH = 24
SWEEP = 30.0  # seconds between looks for switches without cables


def address(index: int) -> str:
    """The address of a laboratory's sandbox number `index`."""
    if not isinstance(index, int) or not 0 <= index <= 200:
        raise SpecError("lab_index", "is not in 0..200")
    return f"{SUBNET}{FIRST + index}"


class Laboratories:
    """The switches that exist, by laboratory."""

    def __init__(self) -> None:
        self.namespaces: dict[str, int] = {}
        self.numbers = itertools.count(1)

    def attach(self, lab: str, guest: int, index: int) -> int:
        """Plug a guest in and return the laboratory's namespace. Cables' names are never reused:
        the kernel removes a dead one late."""
        wanted = address(index)
        if check_id(lab) not in self.namespaces:
            self.namespaces[lab] = netlink.new_namespace_with_bridge()
        with netlink.entered(self.namespaces[lab]):
            netlink.plug(f"v{next(self.numbers)}", guest)
        with netlink.entered(guest):
            netlink.set_address(wanted, LENGTH)
        return self.namespaces[lab]

    def sweep(self) -> None:
        """Forget the switches that nobody is plugged into."""
        for lab, namespace in list(self.namespaces.items()):
            with netlink.entered(namespace):
                empty = netlink.ports() == 0
            if empty:
                os.close(self.namespaces.pop(lab))

    def close(self) -> None:
        for namespace in self.namespaces.values():
            os.close(namespace)
        self.namespaces.clear()


def answer(labs: Laboratories, data: bytes, fds: list[int]) -> None:
    """Serve one request; whatever goes wrong is told to the one who asked."""
    if len(fds) != 2:
        return
    guest, reply = fds
    with socket.socket(fileno=os.dup(reply)) as channel:
        try:
            request: dict[str, Any] = json.loads(data)
            namespace = labs.attach(request["lab"], guest, request["index"])
            socket.send_fds(channel, [b'{"ok":true}'], [namespace])
        except Exception as error:  # noqa: BLE001 - pyroute2 has errors of its own
            with contextlib.suppress(OSError):
                channel.send(json.dumps({"error": f"{error}"}).encode())


def serve(requests: socket.socket) -> None:
    """Answer until nobody holds the other end."""
    labs = Laboratories()
    with contextlib.closing(labs):
        while True:
            if not select.select([requests], [], [], SWEEP)[0]:
                labs.sweep()
                continue
            data, fds, _, _ = socket.recv_fds(requests, 65536, 2)
            try:
                if not data:
                    return
                answer(labs, data, list(fds))
            finally:
                for fd in fds:
                    os.close(fd)


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the spawner's to act on
    with socket.socket(fileno=os.dup(0)) as requests:
        serve(requests)
    return 0


if __name__ == "__main__":
    sys.exit(main())
