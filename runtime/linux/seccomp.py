"""Seccomp: a filter that the kernel asks before every system call.

Namespaces and capabilities decide what a call may *do*; the filter decides which calls exist at
all, so that code nobody needs cannot be attacked. It is a program for a tiny virtual machine
("classic BPF") over the call's number and arguments; it can never follow a pointer.

Two answers matter. EPERM means "you may not". ENOSYS means "this kernel is too old": libraries
then fall back to an older way, so it is the right answer for what they try first (io_uring, keys)
and for calls newer than this file. A program loaded here holds for every descendant.

`no_new_privs` is the usual price of loading a filter; it would break sudo. Root of a user
namespace has CAP_SYS_ADMIN there and may load one without it.

See seccomp(2). Without it a guest reaches AF_ALG, io_uring, keyrings: kernel code that others share.
"""

from __future__ import annotations

import errno
import functools
import struct

from runtime.linux.seccomp_numbers import LAST, number
from runtime.linux.syscalls import MACHINE

ALLOW = 0x7FFF0000
ERRNO = 0x00050000
AUDIT_ARCH = 0xC00000B7 if MACHINE == "aarch64" else 0xC000003E
X32_BIT = 0x40000000

_LOAD, _JUMP_EQUAL, _JUMP_ABOVE, _JUMP_SET, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
_NUMBER, _ARCH = 0, 4  # offsets in struct seccomp_data; the arguments follow from 16

Instruction = tuple[int, int, int, int]

FORBIDDEN = (
    "kexec_load kexec_file_load init_module finit_module delete_module bpf perf_event_open "
    "userfaultfd open_by_handle_at syslog acct swapon swapoff quotactl quotactl_fd settimeofday "
    "clock_settime clock_adjtime adjtimex iopl ioperm modify_ldt vhangup mbind set_mempolicy "
    "migrate_pages move_pages set_mempolicy_home_node uselib ustat sysfs _sysctl nfsservctl "
    "lookup_dcookie reboot fanotify_init"
).split()
ABSENT = (
    "io_uring_setup io_uring_enter io_uring_register add_key request_key keyctl memfd_secret "
    "statmount listmount lsm_get_self_attr lsm_set_self_attr lsm_list_modules"
).split()
VAIN = ["sync"]  # would write out every disk of the host; a guest's own files are in memory
NESTING = (
    "mount umount2 pivot_root unshare setns open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr open_tree_attr"
).split()

AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET = 1, 2, 10, 16, 17
NETLINK_ROUTE, NETLINK_SOCK_DIAG, NETLINK_NETFILTER, NETLINK_UEVENT, NETLINK_GENERIC = 0, 4, 12, 15, 16
IPPROTO_UDPLITE, IPPROTO_MPTCP = 136, 262
TTY_INJECTIONS = (0x5412, 0x541C, 0x5423)  # TIOCSTI, TIOCLINUX, TIOCSETD
PERSONALITIES = (0, 0x20000, 0x40000, 0xFFFFFFFF)  # Linux, UNAME26, no address randomisation (gdb), "tell me"
NEW_NAMESPACES = 0x7E020080


def _load(offset: int) -> Instruction:
    return _LOAD, 0, 0, offset


def _argument(index: int) -> Instruction:
    """The low half of an argument: the kernel looks at no more for those we judge."""
    return _load(16 + 8 * index)


def _answer(value: int) -> Instruction:
    return _RETURN, 0, 0, value


def _if_equal(value: int, answer: int) -> list[Instruction]:
    return [(_JUMP_EQUAL, 0, 1, value), _answer(answer)]


def _for_call(name: str, body: list[Instruction]) -> list[Instruction]:
    """Run `body`, which must end in an answer, when the call is `name`."""
    nr = number(name)
    return [] if nr is None else [(_JUMP_EQUAL, 0, len(body), nr), *body]


def _refuse(names: list[str], error: int) -> list[Instruction]:
    return [part for name in names for part in _for_call(name, [_answer(ERRNO | error)])]


def _sockets(nested: bool) -> list[Instruction]:
    """Only the families on a short list: the others are rarely used, and rarely looked at."""
    families = [AF_UNIX, AF_INET, AF_INET6] + ([AF_PACKET] if nested else [])
    protocols = [NETLINK_ROUTE, NETLINK_SOCK_DIAG, NETLINK_UEVENT, NETLINK_GENERIC] + ([NETLINK_NETFILTER] if nested else [])
    body = [_argument(2)]
    for protocol in (IPPROTO_UDPLITE, IPPROTO_MPTCP):
        body += _if_equal(protocol, ERRNO | errno.EPROTONOSUPPORT)
    body.append(_argument(0))
    for family in families:
        body += _if_equal(family, ALLOW)
    body += [(_JUMP_EQUAL, 1, 0, AF_NETLINK), _answer(ERRNO | errno.EAFNOSUPPORT), _argument(2)]
    for protocol in protocols:
        body += _if_equal(protocol, ALLOW)
    return [*body, _answer(ERRNO | errno.EPROTONOSUPPORT)]


def _arguments(nested: bool) -> list[Instruction]:
    """The rules that look at arguments."""
    ioctl = [_argument(1)]
    for request in TTY_INJECTIONS:
        ioctl += _if_equal(request, ERRNO | errno.EPERM)
    persona = [_argument(0)]
    for value in PERSONALITIES:
        persona += _if_equal(value, ALLOW)
    return [
        *_for_call("socket", _sockets(nested)),
        *_for_call("socketpair", [_argument(0), *_if_equal(AF_UNIX, ALLOW), _answer(ERRNO | errno.EAFNOSUPPORT)]),
        *_for_call("ioctl", [*ioctl, _answer(ALLOW)]),
        *_for_call("personality", [*persona, _answer(ERRNO | errno.EPERM)]),
    ]


def _no_nesting() -> list[Instruction]:
    """clone's flags are an argument; clone3's lie behind a pointer, so it must not exist."""
    clone = [_argument(0), (_JUMP_SET, 0, 1, NEW_NAMESPACES), _answer(ERRNO | errno.EPERM), _answer(ALLOW)]
    return [
        *_refuse(list(NESTING), errno.EPERM),
        *_for_call("clone", clone),
        *_for_call("clone3", [_answer(ERRNO | errno.ENOSYS)]),
    ]


@functools.cache
def program(nested: bool) -> bytes:
    """The filter of a profile, as the kernel reads it: struct sock_filter, 8 bytes each."""
    code = [
        _load(_ARCH),
        *[(_JUMP_EQUAL, 1, 0, AUDIT_ARCH), _answer(ERRNO | errno.ENOSYS)],
        _load(_NUMBER),
        (_JUMP_ABOVE, 0, 1, LAST),
        _answer(ERRNO | errno.ENOSYS),  # newer calls, and x32's bit
        *_refuse(FORBIDDEN, errno.EPERM),
        *_refuse(ABSENT, errno.ENOSYS),
        *_refuse(VAIN, 0),  # an "error" of 0: the call is left out, and has succeeded
        *([] if nested else _no_nesting()),
        *_arguments(nested),
        _answer(ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)
