"""Network namespaces: an own set of devices, addresses, routes and ports.

A new one holds nothing but `lo`, and even that is down: without `up` a program cannot reach
its own 127.0.0.1. A few ioctls are enough for that and for an address; links are `netlink`'s affair.

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
    with _control() as sock:
        _up(sock, b"lo")


def set_address(device: str, address: str, length: int) -> None:
    """Give a device here an IPv4 address and bring it up; there is no route to anywhere else."""
    mask = struct.pack("!I", 0xFFFFFFFF << (32 - length) & 0xFFFFFFFF)
    name = device.encode()
    with _control() as sock:
        for call, value in ((c.SIOCSIFADDR, socket.inet_aton(address)), (c.SIOCSIFNETMASK, mask)):
            # struct ifreq: the device's name, then a sockaddr_in (family, port, address)
            fcntl.ioctl(sock, call, struct.pack("16sHH4s16x", name, socket.AF_INET, 0, value))
        _up(sock, name)


def _control() -> socket.socket:
    """Any socket will do: it says which network namespace is meant."""
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)


def _up(sock: socket.socket, device: bytes) -> None:
    request = struct.pack("16sH22x", device, 0)
    (flags,) = struct.unpack_from("H", fcntl.ioctl(sock, c.SIOCGIFFLAGS, request), 16)
    fcntl.ioctl(sock, c.SIOCSIFFLAGS, struct.pack("16sH22x", device, flags | _IFF_UP))


def namespace_fd(pid: int, pidfd: int) -> int:
    """The network namespace of a process, by its pidfd where the kernel can (6.11), so that a reused pid cannot mislead us."""
    try:
        return fcntl.ioctl(pidfd, c.PIDFD_GET_NET_NAMESPACE, 0)
    except OSError:
        return os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
