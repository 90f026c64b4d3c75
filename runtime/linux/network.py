"""Network namespaces: an own set of devices, addresses, routes and ports.

A new one holds nothing but `lo`, and even that is down: without `up` a program cannot reach
its own 127.0.0.1. One ioctl is enough for that; links and addresses are `netlink`'s affair.

See network_namespaces(7), netdevice(7).
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct

from runtime.linux import constants as c

_IFF_UP = 1


def loopback_up() -> None:
    """Bring `lo` up in the network namespace of this process."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        request = struct.pack("16sH22x", b"lo", 0)
        (flags,) = struct.unpack_from("H", fcntl.ioctl(sock, c.SIOCGIFFLAGS, request), 16)
        fcntl.ioctl(sock, c.SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", flags | _IFF_UP))


def namespace_fd(pid: int, pidfd: int) -> int:
    """The network namespace of a process, by its pidfd where the kernel can (6.11), so that a reused pid cannot mislead us."""
    try:
        return fcntl.ioctl(pidfd, c.PIDFD_GET_NET_NAMESPACE, 0)
    except OSError:
        return os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
