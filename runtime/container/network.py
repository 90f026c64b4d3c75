"""The network helper: one process that joins sandboxes of a laboratory by a switch.

`python -m runtime.container.network [SANDBOXES]` reads requests from a SEQPACKET socket on its
standard input; SANDBOXES is the directory of those that may live already. A request carries two
descriptors: the network namespace to plug in, and the socket on which the answer is wanted; the
answer carries the laboratory's namespace, which the shim keeps open.

A laboratory's network is a namespace of its own, so the host has no bridge, no address and no
rule to clean up. When the last sandbox is gone its cables are gone too (a veth dies with either
end), and the helper forgets a switch without cables.

Addresses: sandbox k of a laboratory has 10.88.0.(k+10). A way out, if it is allowed, is `wayout`'s affair.
See network_namespaces(7).
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
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runtime.container import egress
from runtime.container.wayout import WaysOut, told
from runtime.errors import SpecError, VitrineError
from runtime.linux import netlink, network
from runtime.oci import state as states
from runtime.oci.spec import PREFIX
from runtime.paths import check_id

SUBNET = "10.88.0."
FIRST = 10
LENGTH = 24
SWEEP = 30.0  # seconds between looks for switches without cables
SPARE = 2  # switches made ahead: a new one takes 2 ms of the time a student waits


def address(index: int) -> str:
    """The address of a laboratory's sandbox number `index`."""
    if not isinstance(index, int) or not 0 <= index <= 200:
        raise SpecError("lab_index", "is not in 0..200")
    return f"{SUBNET}{FIRST + index}"


class Laboratories:
    """The switches that exist, by laboratory, and a few that wait for one.

    A helper that follows one that died finds the switches of living sandboxes again: each
    sandbox's shim holds a descriptor of its laboratory's namespace.
    """

    def __init__(self, sandboxes: Path | None = None) -> None:
        self.namespaces = living(sandboxes) if sandboxes else {}
        self.spare: list[int] = []
        self.ways = WaysOut(egress.Policy.of(os.environ))
        self.numbers = itertools.count(1)

    def attach(self, lab: str, guest: int, index: int, *, internet: bool = False) -> int:
        """Plug a guest in and return the laboratory's namespace. Cables' names are never reused, not by
        the next helper either: the kernel removes a dead one late."""
        wanted = address(index)
        namespace = self.switch(lab)
        if internet:
            self.ways.open(lab, namespace)
        with netlink.entered(namespace):
            netlink.plug(f"v{os.getpid()}.{next(self.numbers)}", guest)
        with netlink.entered(guest):
            network.set_address(netlink.GUEST_DEVICE, wanted, LENGTH)
            if internet:
                netlink.route_by(egress.GATEWAY)
        return namespace

    def attach_machine(self, lab: str) -> tuple[int, int]:
        """A socket of the switch for a virtual machine, which has no namespace that a cable could end in: the
        laboratory's namespace and an open tap device. The device goes when nobody has it open."""
        namespace = self.switch(lab)
        with netlink.entered(namespace):
            return namespace, netlink.tap(f"t{os.getpid()}.{next(self.numbers)}")

    def switch(self, lab: str) -> int:
        """The laboratory's namespace, made if this is the first to ask."""
        if check_id(lab) not in self.namespaces:
            self.namespaces[lab] = self.spare.pop() if self.spare else netlink.new_namespace_with_bridge()
        return self.namespaces[lab]

    def prepare(self) -> bool:
        """Make one more spare switch, while nobody waits; False if there are enough."""
        if len(self.spare) >= SPARE:
            return False
        self.spare.append(netlink.new_namespace_with_bridge())
        return True

    def sweep(self) -> None:
        """Forget the switches that nobody is plugged into, and look after the ways out of the others."""
        for lab, namespace in list(self.namespaces.items()):
            with netlink.entered(namespace):
                empty = netlink.ports() == 0
            if empty:
                self.ways.close(lab)
                os.close(self.namespaces.pop(lab))
        self.ways.look()

    def resume(self, sandboxes: Path) -> None:
        """The ways out of living sandboxes ended with the helper that made them: make them again."""
        wanted = {notes[PREFIX + "lab"] for notes, _ in alive(sandboxes) if notes.get(PREFIX + "net") == "internet"}
        for lab in wanted & self.namespaces.keys():
            with told(lab):
                self.ways.open(lab, self.namespaces[lab])

    def close(self) -> None:
        self.ways.close_all()
        for namespace in (*self.namespaces.values(), *self.spare):
            os.close(namespace)
        self.namespaces.clear()
        self.spare.clear()


def living(sandboxes: Path) -> dict[str, int]:
    """The laboratories' namespaces that shims hold, as descriptors of our own."""
    found: dict[str, int] = {}
    for notes, shim in alive(sandboxes):
        lab = notes.get(PREFIX + "lab")
        with contextlib.suppress(OSError, VitrineError):
            if lab and lab not in found and (namespace := held_by(shim)) is not None:
                found[check_id(lab)] = namespace
    return found


def alive(sandboxes: Path) -> Iterator[tuple[dict[str, str], int]]:
    """The annotations of each living sandbox, and its shim."""
    for directory in sandboxes.iterdir() if sandboxes.is_dir() else ():
        with contextlib.suppress(OSError, ValueError, VitrineError):
            notes = json.loads((directory / "config.json").read_text())["annotations"]
            state = states.read(directory / "state.json")
            if states.is_alive(state.shim_pid, state.shim_start_time, state.boot_id):
                yield notes, state.shim_pid


def held_by(shim: int) -> int | None:
    """The network namespace a shim has open: it has its laboratory's and no other."""
    for link in Path(f"/proc/{shim}/fd").iterdir():
        if os.readlink(link).startswith("net:["):
            return os.open(link, os.O_RDONLY | os.O_CLOEXEC)
    return None


def answer(labs: Laboratories, data: bytes, fds: list[int]) -> None:
    """Serve one request; whatever goes wrong is told to the one who asked."""
    if len(fds) != 2:
        return
    guest, reply = fds
    with socket.socket(fileno=os.dup(reply)) as channel:
        try:
            request: dict[str, Any] = json.loads(data)
            if request.get("machine"):
                namespace, tap = labs.attach_machine(request["lab"])
                with os.fdopen(tap, "wb", buffering=0):
                    socket.send_fds(channel, [b'{"ok":true}'], [namespace, tap])
                return
            namespace = labs.attach(request["lab"], guest, request["index"], internet=bool(request.get("internet")))
            socket.send_fds(channel, [b'{"ok":true}'], [namespace])
        except Exception as error:  # noqa: BLE001 - pyroute2 has errors of its own
            with contextlib.suppress(OSError):
                channel.send(json.dumps({"error": f"{error}"}).encode())


def serve(requests: socket.socket, labs: Laboratories) -> None:
    """Answer until nobody holds the other end. The sweep comes when it is due, however busy we are."""
    due = time.monotonic() + SWEEP
    while True:
        if time.monotonic() >= due:
            labs.sweep()
            due = time.monotonic() + SWEEP
        waiting = select.select([requests], [], [], 0)[0]
        if not waiting and labs.prepare():
            continue
        if not waiting and not select.select([requests], [], [], max(0.0, due - time.monotonic()))[0]:
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
    sandboxes = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    labs = Laboratories(sandboxes)
    with socket.socket(fileno=os.dup(0)) as requests, contextlib.closing(labs):
        if sandboxes:
            labs.resume(sandboxes)
        serve(requests, labs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
