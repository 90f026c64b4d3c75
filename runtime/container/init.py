"""Process 1 of every container: a static program of some two hundred bytes, assembled here.

Process 1 is special. It inherits every orphan and must reap it, the kernel drops signals it has
not asked for, and when it ends the kernel kills everything else in the pid namespace. A forked
Python would do the work, but its memory is a copy of ours: root inside could read the host's
secrets from /proc/1/mem. So it is a freshly executed program that knows nothing.

It names itself, blocks all signals and then takes them one at a time: SIGTERM ends it (and so
the container), anything else is a reason to look for dead children.

See pid_namespaces(7), elf(5), rt_sigtimedwait(2). Without it zombies pile up until pids.max.
"""

from __future__ import annotations

import fcntl
import functools
import os
import struct

from runtime.linux.syscalls import MACHINE

BASE = 0x400000
HEADERS = 64 + 56
DATA = b"init\0\0\0\0" + b"\xff" * 8  # the name, and a set of all 64 signals
Row = tuple[str, str | None, str]

# (machine code, label whose distance from here follows as four bytes, meaning); "name:" sets a label.
X86_64: list[Row] = [
    ("bf 0f000000", None, "mov edi, 15            PR_SET_NAME"),
    ("48 8d35", "name", "lea rsi, [name]"),
    ("b8 9d000000", None, "mov eax, 157           prctl"),
    ("0f05", None, "syscall"),
    ("31ff", None, "xor edi, edi           SIG_BLOCK"),
    ("48 8d35", "signals", "lea rsi, [signals]"),
    ("31d2", None, "xor edx, edx           no old set"),
    ("41ba 08000000", None, "mov r10d, 8            size of a set"),
    ("b8 0e000000", None, "mov eax, 14            rt_sigprocmask"),
    ("0f05", None, "syscall"),
    ("", None, "wait:"),
    ("48 8d3d", "signals", "lea rdi, [signals]"),
    ("31f6", None, "xor esi, esi           no details wanted"),
    ("31d2", None, "xor edx, edx           no timeout"),
    ("41ba 08000000", None, "mov r10d, 8"),
    ("b8 80000000", None, "mov eax, 128           rt_sigtimedwait"),
    ("0f05", None, "syscall"),
    ("83f8 0f", None, "cmp eax, 15            SIGTERM?"),
    ("0f84", "exit", "je exit"),
    ("", None, "reap:"),
    ("bf ffffffff", None, "mov edi, -1            any child"),
    ("31f6", None, "xor esi, esi           its status is nobody's"),
    ("ba 01000000", None, "mov edx, 1             WNOHANG"),
    ("4531d2", None, "xor r10d, r10d"),
    ("b8 3d000000", None, "mov eax, 61            wait4"),
    ("0f05", None, "syscall"),
    ("85c0", None, "test eax, eax"),
    ("0f8f", "reap", "jg reap                there may be more"),
    ("e9", "wait", "jmp wait"),
    ("", None, "exit:"),
    ("31ff", None, "xor edi, edi"),
    ("b8 3c000000", None, "mov eax, 60            exit"),
    ("0f05", None, "syscall"),
]

SVC = 0xD4000001
# (instruction with its distance left empty, label or None, meaning). Each is one 32-bit word.
AARCH64: list[tuple[int | None, str | None, str]] = [
    (0xD28001E0, None, "mov x0, #15            PR_SET_NAME"),
    (0x10000001, "name", "adr x1, name"),
    (0xD28014E8, None, "mov x8, #167           prctl"),
    (SVC, None, "svc #0"),
    (0xD2800000, None, "mov x0, #0             SIG_BLOCK"),
    (0x10000001, "signals", "adr x1, signals"),
    (0xD2800002, None, "mov x2, #0             no old set"),
    (0xD2800103, None, "mov x3, #8             size of a set"),
    (0xD28010E8, None, "mov x8, #135           rt_sigprocmask"),
    (SVC, None, "svc #0"),
    (None, None, "wait:"),
    (0x10000000, "signals", "adr x0, signals"),
    (0xD2800001, None, "mov x1, #0             no details wanted"),
    (0xD2800002, None, "mov x2, #0             no timeout"),
    (0xD2800103, None, "mov x3, #8"),
    (0xD2801128, None, "mov x8, #137           rt_sigtimedwait"),
    (SVC, None, "svc #0"),
    (0x71003C1F, None, "cmp w0, #15            SIGTERM?"),
    (0x54000000, "exit", "b.eq exit"),
    (None, None, "reap:"),
    (0x92800000, None, "mov x0, #-1            any child"),
    (0xD2800001, None, "mov x1, #0             its status is nobody's"),
    (0xD2800022, None, "mov x2, #1             WNOHANG"),
    (0xD2800003, None, "mov x3, #0"),
    (0xD2802088, None, "mov x8, #260           wait4"),
    (SVC, None, "svc #0"),
    (0x7100001F, None, "cmp w0, #0"),
    (0x5400000C, "reap", "b.gt reap              there may be more"),
    (0x14000000, "wait", "b wait"),
    (None, None, "exit:"),
    (0xD2800000, None, "mov x0, #0"),
    (0xD2800BA8, None, "mov x8, #93            exit"),
    (SVC, None, "svc #0"),
]


def _assemble_x86_64() -> bytes:
    sizes = [len(bytes.fromhex(code)) + (4 if label else 0) for code, label, _ in X86_64]
    labels = _labels([meaning for _, _, meaning in X86_64], sizes)
    out = b""
    for code, label, _ in X86_64:
        out += bytes.fromhex(code)
        if label:  # the processor counts from the end of the instruction
            out += struct.pack("<i", labels[label] - (len(out) + 4))
    return out + DATA


def _assemble_aarch64() -> bytes:
    sizes = [0 if word is None else 4 for word, _, _ in AARCH64]
    labels = _labels([meaning for _, _, meaning in AARCH64], sizes)
    out = b""
    for word, label, _ in AARCH64:
        if word is not None:
            out += struct.pack("<I", word | (_distance(word, labels[label] - len(out)) if label else 0))
    return out + DATA


def _distance(word: int, distance: int) -> int:
    """Where the distance goes: adr splits it, b.cond has 19 bits, b has 26, both in words."""
    if word >> 24 == 0x10:
        return (distance & 3) << 29 | (distance >> 2 & 0x7FFFF) << 5
    if word >> 24 == 0x54:
        return (distance >> 2 & 0x7FFFF) << 5
    return distance >> 2 & 0x3FFFFFF


def _labels(meanings: list[str], sizes: list[int]) -> dict[str, int]:
    starts = [sum(sizes[:index]) for index in range(len(sizes))]
    labels = {text[:-1]: at for text, at in zip(meanings, starts, strict=True) if text.endswith(":")}
    return {**labels, "name": sum(sizes), "signals": sum(sizes) + 8}


@functools.cache
def elf(machine: str = MACHINE) -> bytes:
    """The whole program: an ELF header, one segment to load, and the code."""
    code = _assemble_aarch64() if machine == "aarch64" else _assemble_x86_64()
    number = 183 if machine == "aarch64" else 62
    ident = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)  # 64 bits, little endian
    header = ident + struct.pack("<HHIQQQIHHHHHH", 2, number, 1, BASE + HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    size = HEADERS + len(code)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, BASE, BASE, size, size, 0x1000)  # PT_LOAD, readable and executable
    return header + segment + code


def sealed_memfd() -> int:
    """The program in a file of memory that nobody can change any more; see memfd_create(2)."""
    flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    try:
        fd = os.memfd_create("init", flags | 0x10)  # MFD_EXEC, from Linux 6.3
    except OSError:
        fd = os.memfd_create("init", flags)
    os.write(fd, elf())
    seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return fd
