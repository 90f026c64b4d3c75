"""A socket to a server inside, made in the sandbox's network namespace and handed over."""

from __future__ import annotations

import select
import socket

import pytest

from runtime.errors import RuntimeRefused
from tests.runtime.node import needs_node

pytestmark = needs_node
SERVER = """
import os, socket, sys
kind = socket.AF_INET6 if sys.argv[1] == "::1" else socket.AF_INET
listener = socket.create_server((sys.argv[1], 7000), family=kind)
if os.fork() == 0:
    while True:
        there, _ = listener.accept()
        there.sendall(there.recv(100).upper())
        there.close()
"""


def serve(box, address: str) -> None:
    """Begin to listen inside, in the background."""
    command = ["sh", "-c", 'python3 -c "$1" "$2" > /dev/null 2>&1 < /dev/null', "sh", SERVER, address]
    assert box.exec(command).code == 0


def said(made: socket.socket, words: bytes) -> bytes:
    """What the server answers; the socket may still be on its way."""
    with made:
        assert select.select([], [made], [], 5)[1]
        made.setblocking(True)
        made.settimeout(5)
        made.sendall(words)
        return made.recv(100)


@pytest.mark.parametrize(("address", "family"), [("127.0.0.1", 4), ("::1", 6)])
def test_a_server_inside_is_reached(box, address, family):
    """By IPv4 and by IPv6, though the sandbox has no way in and none out."""
    serve(box, address)

    assert said(box.port(7000, family), b"hello") == b"HELLO"


def test_the_host_is_not_reached(box):
    """W-08: A port on which only the host listens is refused; the socket belongs to another network namespace."""
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises((RuntimeRefused, OSError)):
        said(box.port(listener.getsockname()[1]), b"x")


def test_the_shim_is_back_at_home(box):
    """After a hundred of them, half of them refused, it is in the host's network namespace as before."""
    serve(box, "127.0.0.1")
    before = box.observe()["host"]["net"]
    for _ in range(50):
        said(box.port(7000), b"x")
        with pytest.raises((RuntimeRefused, OSError)):
            said(box.port(7001), b"x")

    assert box.observe()["host"]["net"] == before


@pytest.mark.parametrize("fields", [{"port": 0}, {"port": 65536}, {"port": "80"}, {"port": None}, {"port": 80, "family": 5}])
def test_a_port_is_a_number(box, fields):
    """Whatever else is asked is refused in words."""
    with pytest.raises(RuntimeRefused) as refused:
        box.ask("port", **fields)
    assert refused.value.code == "request"
