"""Links, through pyroute2: the one module that needs more than Python itself.

A veth is a cable with a device at either end; a bridge is a switch; a tap is a device with a
program behind it. Each function works in the network namespace that the process is in at that
moment, so callers enter first and leave after.

Importing pyroute2 takes a fifth of a second and twenty megabytes: only the network helper may.
See rtnetlink(7), veth(4), bridge(8). Without it the machines of a lesson cannot reach each other.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from pyroute2 import IPRoute

from runtime.linux import constants as c
from runtime.linux import syscalls

BRIDGE = "br0"
GUEST_DEVICE = "eth0"
WAY_OUT = "out0"
TUN = "/dev/net/tun"


@contextmanager
def entered(namespace: int) -> Iterator[None]:
    """Be in another network namespace for a while."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        syscalls.setns(namespace, c.CLONE_NEWNET)
        yield
    finally:
        syscalls.setns(home, c.CLONE_NEWNET)
        os.close(home)


def new_namespace_with_bridge() -> int:
    """A network namespace that holds a switch and nothing else, as an fd."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        syscalls.unshare(c.CLONE_NEWNET)
        have_no_address()
        with IPRoute() as ip:
            ip.link("add", ifname=BRIDGE, kind="bridge", state="up")
        return os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        syscalls.setns(home, c.CLONE_NEWNET)
        os.close(home)


def have_no_address() -> None:
    """Links made in this namespace from now on only pass frames on. Without this the kernel gives each of them an
    IPv6 address by itself: guests could talk to the switch, and tell it routes (router advertisements)."""
    for kind in ("all", "default"):
        path = f"/proc/sys/net/ipv6/conf/{kind}/disable_ipv6"
        if os.path.exists(path):
            with open(path, "w") as file:
                file.write("1")


def plug(name: str, guest: int) -> None:
    """A cable from our bridge into the guest's namespace, where its end is called eth0.

    One message: the kernel makes the pair, hands the far end over and plugs the near one in.
    """
    peer = {"ifname": GUEST_DEVICE, "net_ns_fd": guest}
    with IPRoute() as ip:
        ip.link("add", ifname=name, kind="veth", peer=peer, master=socket.if_nametoindex(BRIDGE), state="up")


def tap(name: str) -> int:
    """A socket of our bridge with a program at its other end: what is written to the fd comes out of the switch.

    The kernel removes the device when the fd is closed.
    """
    try:
        fd = os.open(TUN, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror}: a virtual machine needs it for its network (modprobe tun)", TUN) from error
    try:
        fcntl.ioctl(fd, c.TUNSETIFF, struct.pack("16sH22x", name.encode(), c.IFF_TAP | c.IFF_NO_PI))
        with IPRoute() as ip:
            ip.link("set", index=socket.if_nametoindex(name), master=socket.if_nametoindex(BRIDGE), state="up")
    except BaseException:
        os.close(fd)
        raise
    return fd


def ports() -> int:
    """How many cables there are in this namespace: it holds nothing else but `lo`, the bridge and perhaps a way out."""
    return sum(name not in ("lo", BRIDGE, WAY_OUT) for _, name in socket.if_nameindex())


def route_by(gateway: str) -> None:
    """What is not a neighbour's goes to this one."""
    with IPRoute() as ip:
        ip.route("replace", dst="default", gateway=gateway)


def addresses() -> list[str]:
    """Every IPv4 address of this namespace, in order."""
    with IPRoute() as ip:
        found = ip.get_addr(family=socket.AF_INET)
        return sorted({str(each.get_attr("IFA_LOCAL") or each.get_attr("IFA_ADDRESS")) for each in found})
