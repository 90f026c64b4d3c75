"""The system call filters, run by an interpreter."""

from __future__ import annotations

import errno

import pytest

from runtime.linux import seccomp
from runtime.linux.seccomp import ALLOW, ERRNO
from runtime.linux.seccomp_numbers import number
from tests.runtime.linux.interpreter import judge


def answer(name: str, *args: int, nested: bool = True) -> int:
    nr = number(name)
    assert nr is not None
    return judge(seccomp.program(nested), nr, args)


def refused(error: int) -> int:
    return ERRNO | error


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("name", [name for name in seccomp.FORBIDDEN if number(name) is not None])
def test_forbidden(name, nested):
    """What no guest may do is refused with EPERM in both profiles."""
    assert refused(errno.EPERM) == answer(name, nested=nested)


@pytest.mark.parametrize("name", seccomp.ABSENT)
def test_absent(name):
    """Keys, io_uring and their like look as if this kernel were older than they are."""
    assert refused(errno.ENOSYS) == answer(name)


@pytest.mark.parametrize("nested", [True, False])
def test_sync_is_left_out(nested):
    """R-28: a guest may call sync(2) as often as it likes: it succeeds, and no disk of the host is written out."""
    assert ERRNO == answer("sync", nested=nested)


def test_foreign_calls():
    """Other instruction sets, x32 and calls newer than the table do not exist."""
    program = seccomp.program(True)

    assert refused(errno.ENOSYS) == judge(program, 0, arch=0x40000003)
    assert refused(errno.ENOSYS) == judge(program, 0x40000000)
    assert refused(errno.ENOSYS) == judge(program, 468)
    assert ALLOW == judge(program, 0)


@pytest.mark.parametrize(
    ("family", "protocol", "error"),
    [
        (1, 0, 0), (2, 6, 0), (10, 17, 0), (16, 0, 0), (16, 12, 0), (17, 0x300, 0),
        (38, 0, errno.EAFNOSUPPORT), (40, 0, errno.EAFNOSUPPORT), (15, 0, errno.EAFNOSUPPORT),
        (33, 0, errno.EAFNOSUPPORT), (44, 0, errno.EAFNOSUPPORT), (16, 6, errno.EPROTONOSUPPORT),
        (16, 9, errno.EPROTONOSUPPORT), (2, 262, errno.EPROTONOSUPPORT), (2, 136, errno.EPROTONOSUPPORT),
    ],
)  # fmt: skip
def test_sockets(family, protocol, error):
    """Only families on the short list exist: no AF_ALG, VSOCK, KEY, RXRPC, XDP, no NETLINK_XFRM."""
    assert (refused(error) if error else ALLOW) == answer("socket", family, 1, protocol)


def test_strict_sockets():
    """The strict profile has neither packet sockets nor nftables."""
    assert refused(errno.EAFNOSUPPORT) == answer("socket", 17, 3, 0, nested=False)
    assert refused(errno.EPROTONOSUPPORT) == answer("socket", 16, 3, 12, nested=False)


@pytest.mark.parametrize("request_number", seccomp.TTY_INJECTIONS)
def test_terminal_injection(request_number):
    """TIOCSTI and its like are refused, whatever the upper half of the argument says."""
    assert refused(errno.EPERM) == answer("ioctl", 0, request_number)
    assert refused(errno.EPERM) == answer("ioctl", 0, request_number | 1 << 32)
    assert ALLOW == answer("ioctl", 0, 0x5413)


def test_personality():
    """gdb may turn address randomisation off; other personalities are refused."""
    assert ALLOW == answer("personality", 0x40000)
    assert refused(errno.EPERM) == answer("personality", 0x400000)


@pytest.mark.parametrize("name", seccomp.NESTING)
def test_nesting(name):
    """The nested profile may make namespaces and mounts, the strict one may not."""
    assert ALLOW == answer(name)
    assert refused(errno.EPERM) == answer(name, nested=False)


def test_clone():
    """Strict: fork works, new namespaces do not, and clone3 looks absent because its flags cannot be seen."""
    assert ALLOW == answer("clone", 17, nested=False)
    assert refused(errno.EPERM) == answer("clone", 0x10000000 | 17, nested=False)
    assert refused(errno.ENOSYS) == answer("clone3", nested=False)
    assert ALLOW == answer("clone3")


@pytest.mark.parametrize("nested", [True, False])
def test_fits(nested):
    """A filter stays small: each load costs its length."""
    assert len(seccomp.program(nested)) // 8 < 256
