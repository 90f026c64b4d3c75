"""Links, addresses and routes of every network namespace, and the lab's bridge.

The answers come from the kernel by netlink, which speaks of the namespace that the asking
thread is in. So this process joins each one for a moment. There is nothing in a network
namespace that could act on us: no program, no file, only tables. The laboratory's bridge lies
in a namespace of the runtime's own; its ports are shown under names of ours, because the real
ones count the cables of the whole node.

See network_namespaces(7), veth(4), rtnetlink(7).
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from typing import Any

from runtime.linux import constants as c
from runtime.linux import syscalls
from runtime.xray import rtnetlink as nl
from runtime.xray.reading import Budget, read
from runtime.xray.text import clean

MOST = {"links": 64, "addresses": 128, "routes": 128}
LAB = "lab"
SCOPES = {0: "global", 200: "site", 253: "link", 254: "host"}
FAMILIES = {2: "inet", 10: "inet6"}
STATS = struct.Struct("=8Q")  # packets, bytes, errors, dropped: received and sent, in turns
Rows = dict[str, dict[str, Any]]


@dataclass
class Network:
    """What was found, by collection."""

    links: Rows = field(default_factory=dict)
    addresses: Rows = field(default_factory=dict)
    routes: Rows = field(default_factory=dict)
    partners: dict[str, tuple[int, bool]] = field(default_factory=dict)  # link id: the other end's index, and if elsewhere


@contextlib.contextmanager
def visiting(fd: int) -> Iterator[None]:
    """Be in another network namespace for a while."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        syscalls.setns(fd, c.CLONE_NEWNET)
        yield
    finally:
        syscalls.setns(home, c.CLONE_NEWNET)
        os.close(home)


def taps(pids: Iterable[int]) -> set[bytes]:
    """The tap devices that these processes have open: a virtual machine's plugs in the lab's bridge."""
    found = set()
    for pid in pids:
        with contextlib.suppress(OSError, ValueError):
            for name in os.listdir(f"/proc/{pid}/fd"):
                if os.readlink(f"/proc/{pid}/fd/{name}") == "/dev/net/tun":
                    text = read(f"/proc/{pid}/fdinfo/{name}")
                    found |= {line.partition(b"\t")[2] for line in text.splitlines() if line.startswith(b"iff:")}
    return found


def look(pids: dict[str, int], lab_fd: int, budget: Budget, mine: Set[bytes] = frozenset()) -> Network:
    """Everything. `pids` names one process in each network namespace; `mine` are the names of tap devices."""
    network = Network()
    for namespace, pid in pids.items():
        if budget.spent:
            budget.cut("links", -1)
            break
        with contextlib.suppress(OSError), _namespace(pid, namespace) as fd, visiting(fd):
            _collect(network, namespace, budget)
    if lab_fd >= 0:
        with contextlib.suppress(OSError), visiting(lab_fd):
            _links(network, LAB, budget, mine)
    _join_cables(network)
    return network


@contextlib.contextmanager
def _namespace(pid: int, number: str) -> Iterator[int]:
    """A descriptor of the network namespace of a process, if it is the one meant."""
    fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if str(os.fstat(fd).st_ino) != number:
            raise ProcessLookupError(f"process {pid} is another now")
        yield fd
    finally:
        os.close(fd)


def _collect(network: Network, namespace: str, budget: Budget) -> None:
    _links(network, namespace, budget)
    for head, found in nl.dump(nl.RTM_GETADDR, nl.ADDRESS):
        _keep(network.addresses, "addresses", _address(namespace, head, found), budget)
    for head, found in nl.dump(nl.RTM_GETROUTE, nl.ROUTE):
        _keep(network.routes, "routes", _route(namespace, head, found), budget)


def _links(network: Network, namespace: str, budget: Budget, mine: Set[bytes] = frozenset()) -> None:
    for head, found in nl.dump(nl.RTM_GETLINK, nl.LINK):
        key, facts = _link(namespace, head, found)
        facts["mine"] = nl.text(found, nl.IFLA_IFNAME) in mine
        _keep(network.links, "links", (key, facts), budget)
        other = nl.u32(found, nl.IFLA_LINK)
        if other and key in network.links:
            network.partners[key] = (other, nl.IFLA_LINK_NETNSID in found)


def _keep(rows: Rows, collection: str, row: tuple[str, dict[str, Any]] | None, budget: Budget) -> None:
    if row is None:
        return
    if len(rows) < MOST[collection]:
        rows[row[0]] = row[1]
    else:
        budget.cut(collection, 1)


def _link(namespace: str, head: tuple[int, ...], found: nl.Attributes) -> tuple[str, dict[str, Any]]:
    _, _, index, flags, _ = head
    info = nl.attributes(found.get(nl.IFLA_LINKINFO, b""))
    kind = "loopback" if flags & nl.IFF_LOOPBACK else clean(nl.text(info, nl.IFLA_INFO_KIND), 32) or "device"
    master = nl.u32(found, nl.IFLA_MASTER)
    port = namespace == LAB and kind in ("veth", "tun")  # their own names have a number of the host's in them
    return f"{namespace}:{index}", {
        "namespace": None if namespace == LAB else namespace, "index": index,
        "name": f"port{index}" if port else clean(nl.text(found, nl.IFLA_IFNAME), 32), "kind": kind,
        "up": bool(flags & nl.IFF_UP), "carrier": found.get(nl.IFLA_CARRIER, b"\1")[:1] == b"\1",
        "mtu": nl.u32(found, nl.IFLA_MTU), "mac": ":".join(f"{byte:02x}" for byte in found.get(nl.IFLA_ADDRESS, b"")) or None,
        "master": f"{namespace}:{master}" if master else None, "peer": None, "mine": False, **_counts(found),
    }  # fmt: skip


def _counts(found: nl.Attributes) -> dict[str, int | None]:
    names = ("rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "", "", "rx_dropped", "tx_dropped")
    raw = found.get(nl.IFLA_STATS64, b"")
    numbers = STATS.unpack_from(raw) if len(raw) >= STATS.size else (None,) * 8
    return {name: number for name, number in zip(names, numbers, strict=True) if name}


def _address(namespace: str, head: tuple[int, ...], found: nl.Attributes) -> tuple[str, dict[str, Any]] | None:
    family, length, _, scope, index = head
    address = nl.address(family, found.get(nl.IFA_LOCAL) or found.get(nl.IFA_ADDRESS))
    if address is None:
        return None
    link = f"{namespace}:{index}"
    facts = {"link": link, "address": f"{address}/{length}", "family": FAMILIES[family], "scope": SCOPES.get(scope, str(scope))}
    return f"{link}:{address}/{length}", facts


def _route(namespace: str, head: tuple[int, ...], found: nl.Attributes) -> tuple[str, dict[str, Any]] | None:
    family, length = head[:2]
    table, index = nl.u32(found, nl.RTA_TABLE) or head[4], nl.u32(found, nl.RTA_OIF)
    if table == nl.RT_TABLE_LOCAL or family not in FAMILIES:
        return None
    target = nl.address(family, found.get(nl.RTA_DST))
    destination = f"{target}/{length}" if target else "default"
    via = nl.address(family, found.get(nl.RTA_GATEWAY))
    return f"{namespace}:{destination}:{via or ''}:{index}", {
        "namespace": namespace, "destination": destination, "via": via, "link": f"{namespace}:{index}" if index else None,
        "source": nl.address(family, found.get(nl.RTA_PREFSRC)), "metric": nl.u32(found, nl.RTA_PRIORITY) or 0,
    }  # fmt: skip


def _join_cables(network: Network) -> None:
    """Find the other end of each veth: the one that names our number as its own other end."""
    for key, (other, elsewhere) in network.partners.items():
        facts = network.links[key]
        if facts["kind"] != "veth":
            continue
        for candidate, (back, _) in network.partners.items():
            far = network.links[candidate]
            apart = far["namespace"] != facts["namespace"]
            if far["index"] == other and back == facts["index"] and apart == elsewhere and far["kind"] == "veth":
                facts["peer"] = candidate
                facts["mine"] = facts["namespace"] is None
                break
