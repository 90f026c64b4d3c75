"""Questions to the kernel's routing tables: links, addresses, routes, by netlink without a library.

A netlink message is a header, a fixed structure that depends on the kind, and attributes: each
two bytes of length, two of type, the value, padded to four. We only ever ask (RTM_GET…, DUMP),
in the network namespace that this thread is in. pyroute2 would do it at twenty megabytes for
every watched sandbox; sixty lines of `struct` do it here.

See netlink(7), rtnetlink(7), linux/if_link.h, linux/rtnetlink.h.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

RTM_NEWLINK, RTM_GETLINK = 16, 18
RTM_NEWADDR, RTM_GETADDR = 20, 22
RTM_NEWROUTE, RTM_GETROUTE = 24, 26
NLM_F_REQUEST, NLM_F_DUMP = 1, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3

IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINK, IFLA_MASTER = 1, 3, 4, 5, 10
IFLA_LINKINFO, IFLA_STATS64, IFLA_CARRIER, IFLA_LINK_NETNSID = 18, 23, 33, 37
IFLA_INFO_KIND = 1
IFA_ADDRESS, IFA_LOCAL = 1, 2
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_PREFSRC, RTA_TABLE = 1, 4, 5, 6, 7, 15
RT_TABLE_LOCAL = 255
IFF_UP, IFF_LOOPBACK = 1, 8

HEADER = struct.Struct("=IHHII")
ATTRIBUTE = struct.Struct("=HH")
LINK = struct.Struct("=BxHiII")  # family, type, index, flags, change
ADDRESS = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, index
ROUTE = struct.Struct("=BBBBBBBBI")  # family, lengths, tos, table, protocol, scope, type, flags
LARGEST = 1 << 20

Attributes = dict[int, bytes]


def dump(kind: int, head: struct.Struct) -> Iterator[tuple[tuple[int, ...], Attributes]]:
    """Every object of a kind in this network namespace: the fields of its head, its attributes."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as asking:
        asking.settimeout(0.2)
        body = bytes(head.size)
        asking.send(HEADER.pack(HEADER.size + len(body), kind, NLM_F_REQUEST | NLM_F_DUMP, 1, 0) + body)
        size = 0
        while size < LARGEST:
            data = asking.recv(64 * 1024)
            size += len(data)
            for number, payload in messages(data):
                if number == NLMSG_ERROR:
                    raise OSError(-struct.unpack_from("=i", payload)[0], f"rtnetlink request {kind}")
                if number == NLMSG_DONE:
                    return
                yield head.unpack_from(payload), attributes(payload, head.size)


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The messages in a datagram: number and payload."""
    position = 0
    while position + HEADER.size <= len(data):
        length, number = HEADER.unpack_from(data, position)[:2]
        if length < HEADER.size:
            return
        yield number, data[position + HEADER.size : position + length]
        position += (length + 3) & ~3


def attributes(data: bytes, position: int = 0) -> Attributes:
    """The attributes after a head, by type."""
    found = {}
    while position + ATTRIBUTE.size <= len(data):
        length, kind = ATTRIBUTE.unpack_from(data, position)
        if length < ATTRIBUTE.size:
            break
        found[kind & 0x3FFF] = data[position + ATTRIBUTE.size : position + length]
        position += (length + 3) & ~3
    return found


def u32(found: Attributes, kind: int) -> int | None:
    """A number of four bytes, if the attribute is there."""
    return struct.unpack("=I", found[kind][:4])[0] if len(found.get(kind, b"")) >= 4 else None


def text(found: Attributes, kind: int) -> bytes:
    """A string without its NUL."""
    return found.get(kind, b"").partition(b"\0")[0]


def address(family: int, raw: bytes | None) -> str | None:
    """An IP address; None for another family or none at all."""
    if raw is None or (family, len(raw)) not in ((socket.AF_INET, 4), (socket.AF_INET6, 16)):
        return None
    return socket.inet_ntop(family, raw)
