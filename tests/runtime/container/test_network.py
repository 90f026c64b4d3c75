"""The network helper and the laboratories it joins."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.container.network import address
from runtime.errors import SpecError
from tests import needs


@pytest.fixture
def helper():
    """The helper, and the socket it listens on."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen([sys.executable, "-m", "runtime.container.network"], stdin=theirs)
    with ours:
        yield ours
    assert 0 == process.wait(20)


class Namespace:
    """A network namespace held by a sleeping process."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec sleep 100"], stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        self.process.stdout.readline()
        self.fd = os.open(f"/proc/{self.process.pid}/ns/net", os.O_RDONLY)

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        command = ["nsenter", f"--net=/proc/{self.process.pid}/ns/net", *args]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def reaches(self, host: str) -> bool:
        """Whether a host answers, be it only that nothing listens there."""
        code = f"import socket; s = socket.socket(); s.settimeout(2); print(s.connect_ex(('{host}', 9)) == {errno.ECONNREFUSED})"
        return "True\n" == self.run(sys.executable, "-c", code).stdout

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        os.close(self.fd)


@pytest.fixture
def two():
    namespaces = [Namespace(), Namespace()]
    yield namespaces
    for namespace in namespaces:
        namespace.end()


def attach(helper: socket.socket, lab: str, namespace: int, index: int, **more: bool) -> tuple[dict[str, object], list[int]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ours.settimeout(20)
        request = json.dumps({"verb": "attach", "lab": lab, "index": index, **more}).encode()
        socket.send_fds(helper, [request], [namespace, theirs.fileno()])
        data, fds, _, _ = socket.recv_fds(ours, 65536, 1)
    return json.loads(data), list(fds)


@needs.root
def test_neighbours_reach_each_other(helper, two):
    """Two sandboxes of one laboratory are on one switch; the host has no part in it."""
    before = Path("/proc/net/dev").read_text().count(":")
    held = [fd for index, namespace in enumerate(two) for fd in attach(helper, "lab-one", namespace.fd, index)[1]]

    reached = two[0].reaches("10.88.0.11")

    for fd in held:
        os.close(fd)
    assert reached
    assert 2 == len(held)
    assert before == Path("/proc/net/dev").read_text().count(":")
    assert "00000000" not in [line.split()[1] for line in two[0].run("cat", "/proc/net/route").stdout.splitlines()]


@needs.root
def test_laboratories_are_apart(helper, two):
    """Sandboxes of different laboratories do not reach each other."""
    for index, namespace in enumerate(two):
        for fd in attach(helper, f"lab-{index}", namespace.fd, index)[1]:
            os.close(fd)

    assert not two[0].reaches("10.88.0.11")


@needs.root
def test_bad_requests_are_answered(helper, two):
    """A request that cannot be served gets an error, and the helper goes on."""
    answer, fds = attach(helper, "Not An Id", two[0].fd, 0)

    assert "error" in answer
    assert [] == fds
    answer, fds = attach(helper, "lab", two[0].fd, 0)
    for fd in fds:
        os.close(fd)
    assert {"ok": True} == answer


def test_addresses():
    """Sandbox k has 10.88.0.(k+10)."""
    assert "10.88.0.10" == address(0)
    with pytest.raises(SpecError):
        address(201)
