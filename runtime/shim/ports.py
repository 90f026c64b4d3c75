"""A way to a server in the sandbox: a socket made in its network namespace, handed over as a descriptor.

A socket belongs for ever to the network namespace it was made in, whoever holds it. So the shim steps into the
sandbox's for the moment of socket(2) and connect(2), steps back, and passes the descriptor to who asked. Nothing
listens on the host, no address of the host is reachable from inside, and the asker can reach nothing but one port of
this sandbox: the shim connects to the loopback address only, and never waits for the answer.

See network_namespaces(7), setns(2), unix(7) for SCM_RIGHTS.
"""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

from runtime.errors import RefusedError
from runtime.linux import syscalls
from runtime.linux.constants import CLONE_NEWNET
from runtime.shim import frames, requests
from runtime.shim.connection import Connection

LOOPBACK = {4: (socket.AF_INET, "127.0.0.1"), 6: (socket.AF_INET6, "::1")}


def connect(init_pid: int, family: int, port: int) -> socket.socket:
    """A socket on its way to a port of the sandbox's loopback; it may not have arrived yet."""
    kind, address = LOOPBACK[family]
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        namespace = os.open(f"/proc/{init_pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            syscalls.setns(namespace, CLONE_NEWNET)
            made = socket.socket(kind, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        finally:
            syscalls.setns(home, CLONE_NEWNET)
            os.close(namespace)
    finally:
        os.close(home)
    code = made.connect_ex((address, port))
    if code not in (0, errno.EINPROGRESS):
        made.close()
        raise RefusedError("port", None, f"port {port}: {os.strerror(code)}")
    return made


def hand_over(connection: Connection, init_pid: int, fields: dict[str, Any]) -> None:
    """Answer with the descriptor. A client that has not read the few bytes of an answer is not waited for."""
    port = requests.whole(fields, "port", None, 1, 65535)
    family = requests.whole(fields, "family", 4, 4, 6)
    if port is None or family not in LOOPBACK:
        raise requests.refuse("port: not a number in 1..65535" if port is None else "family: neither 4 nor 6")
    with connect(init_pid, family, port) as made:
        socket.send_fds(connection.socket, [frames.pack_json(frames.REQUEST, {"ok": True})], [made.fileno()])
    connection.finish()
