"""System calls that must be refused, whoever asks inside (E-10, E-13 to E-20, E-24, E-26 to E-30)."""

from __future__ import annotations

from errno import EACCES, EAFNOSUPPORT, EINVAL, ENOSYS, EPERM, EPROTONOSUPPORT, ESOCKTNOSUPPORT

import pytest

from tests.runtime.security.victim import Victim

PATH = b"/\0"
BUFFER = b"\0" * 256
SHUT = {EPERM, EACCES}
ABSENT = {ENOSYS}
NO_FAMILY = {EPERM, EACCES, EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT, EINVAL}
AF_INET, AF_NETLINK, SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET = 2, 16, 1, 2, 3, 5
TIOCLINUX, TIOCSTI, TIOCSETD = 0x541C, 0x5412, 0x5423

CALLS = [
    ("E-10 mknod mem", SHUT, 133, (b"/tmp/mem\0", 0o20666, 0x101)),
    ("E-10 mknod block", SHUT, 133, (b"/tmp/vda\0", 0o60666, 0xFE00)),
    ("E-13 open_by_handle_at", SHUT, 304, (-100, b"\x08\0\0\0\x01\0\0\0" + BUFFER, 0)),
    ("E-14 init_module", SHUT | ABSENT, 175, (BUFFER, 16, PATH)),
    ("E-14 finit_module", SHUT | ABSENT, 313, (0, PATH, 0)),
    ("E-14 delete_module", SHUT | ABSENT, 176, (b"dummy\0", 0)),
    ("E-15 kexec_load", SHUT | ABSENT, 246, (0, 0, 0, 0)),
    ("E-15 kexec_file_load", SHUT | ABSENT, 320, (0, 0, 0, PATH, 0)),
    ("E-16 bpf", SHUT, 321, (0, BUFFER, 72)),
    ("E-17 perf_event_open", SHUT, 298, (b"\x01\0\0\0\x80\0\0\0" + BUFFER, 0, -1, -1, 0)),
    ("E-18 add_key", ABSENT, 248, (b"user\0", b"name\0", b"data\0", 4, -3)),
    ("E-18 request_key", ABSENT, 249, (b"user\0", b"name\0", 0, 0)),
    ("E-18 keyctl", ABSENT, 250, (0, -3, 0)),
    ("E-19 userfaultfd", SHUT, 323, (1,)),
    ("E-20 io_uring_setup", ABSENT, 425, (1, BUFFER)),
    ("E-20 io_uring_enter", ABSENT, 426, (0, 0, 0, 0)),
    ("E-20 io_uring_register", ABSENT, 427, (0, 0, 0, 0)),
    ("E-24 settimeofday", SHUT, 164, (BUFFER, 0)),
    ("E-24 clock_settime", SHUT, 227, (0, BUFFER)),
    ("E-24 adjtimex", SHUT, 159, (b"\x01" + BUFFER,)),
    ("E-26 swapon", SHUT, 167, (PATH, 0)),
    ("E-26 swapoff", SHUT, 168, (PATH,)),
    ("E-26 acct", SHUT | ABSENT, 163, (PATH,)),
    ("E-26 quotactl", SHUT | ABSENT, 179, (0x80000700, PATH, 0, 0)),
    ("E-26 iopl", SHUT, 172, (3,)),
    ("E-26 ioperm", SHUT, 173, (0, 8, 1)),
    ("E-26 syslog", SHUT, 103, (3, BUFFER, 256)),
    ("E-29 x32 getpid", ABSENT, 0x40000000 + 39, ()),
    ("E-29 a number above the table", ABSENT, 1000, ()),
    ("E-30 personality READ_IMPLIES_EXEC", SHUT, 135, (0x0400000,)),
]
SOCKETS = [
    ("AF_ALG", 38, SOCK_SEQPACKET, 0),
    ("N-15 AF_VSOCK", 40, SOCK_STREAM, 0),
    ("AF_KEY", 15, SOCK_RAW, 2),
    ("AF_RXRPC", 33, SOCK_DGRAM, 2),
    ("AF_XDP", 44, SOCK_RAW, 0),
    ("AF_TIPC", 30, SOCK_STREAM, 0),
    ("AF_BLUETOOTH", 31, SOCK_RAW, 1),
    ("AF_CAN", 29, SOCK_RAW, 1),
    ("AF_PPPOX", 24, SOCK_STREAM, 0),
    ("NETLINK_XFRM", AF_NETLINK, SOCK_RAW, 6),
    ("NETLINK_CRYPTO", AF_NETLINK, SOCK_RAW, 21),
    ("NETLINK_RDMA", AF_NETLINK, SOCK_RAW, 20),
    ("SCTP", AF_INET, SOCK_STREAM, 132),
    ("DCCP", AF_INET, 6, 33),
    ("MPTCP", AF_INET, SOCK_STREAM, 262),
    ("UDPLITE", AF_INET, SOCK_DGRAM, 136),
]
OPEN_SOCKETS = [
    ("AF_UNIX", 1, SOCK_STREAM, 0),
    ("AF_INET", AF_INET, SOCK_STREAM, 0),
    ("AF_INET6", 10, SOCK_DGRAM, 0),
    ("NETLINK_ROUTE", AF_NETLINK, SOCK_RAW, 0),
    ("AF_PACKET", 17, SOCK_RAW, 0),
]


@pytest.mark.parametrize(("name", "expected", "number", "arguments"), CALLS, ids=[row[0] for row in CALLS])
def test_call_is_refused(victim: Victim, name: str, expected: set[int], number: int, arguments: tuple[int | bytes, ...]) -> None:
    """A call that reaches the host's kernel at large is refused with the errno programs can live with."""
    assert victim.call(number, *arguments) in expected, name


@pytest.mark.parametrize(("name", "family", "kind", "protocol"), SOCKETS, ids=[row[0] for row in SOCKETS])
def test_socket_is_refused(victim: Victim, name: str, family: int, kind: int, protocol: int) -> None:
    """E-27: no socket of a family or protocol that is not on the short list."""
    assert victim.call(41, family, kind, protocol) in NO_FAMILY, name


@pytest.mark.parametrize(("name", "family", "kind", "protocol"), OPEN_SOCKETS, ids=[row[0] for row in OPEN_SOCKETS])
def test_socket_of_a_lesson_works(victim: Victim, name: str, family: int, kind: int, protocol: int) -> None:
    """E-27: the families that lessons need are there."""
    assert victim.call(41, family, kind, protocol) == 0, name


@pytest.mark.parametrize("request_number", [TIOCSTI, TIOCSTI | 1 << 32, TIOCLINUX, TIOCSETD], ids=hex)
def test_ioctl_is_refused(victim: Victim, request_number: int) -> None:
    """E-28: no typing into a terminal from outside of it, whatever the upper half of the number says."""
    assert victim.call(16, 0, request_number, b"\0" * 16) in SHUT


@pytest.mark.parametrize(
    ("name", "number", "arguments"),
    [
        ("unshare user", 272, (0x10000000,)),
        ("unshare mount", 272, (0x20000,)),
        ("setns", 308, (0, 0)),
        ("mount", 165, (b"none\0", b"/mnt\0", b"tmpfs\0", 0, 0)),
        ("umount2", 166, (b"/proc\0", 2)),
        ("pivot_root", 155, (PATH, PATH)),
        ("fsopen", 430, (b"tmpfs\0", 0)),
        ("move_mount", 429, (0, PATH, 0, PATH, 0)),
        ("clone with a new user namespace", 56, (0x10000011, 0, 0, 0, 0)),
        ("clone3", 435, (BUFFER, 88)),
    ],
)
def test_strict_makes_no_namespace_and_no_mount(
    strict: Victim, name: str, number: int, arguments: tuple[int | bytes, ...]
) -> None:
    """The strict profile refuses namespaces and the mount family too."""
    assert strict.call(number, *arguments) in SHUT | ABSENT, name
