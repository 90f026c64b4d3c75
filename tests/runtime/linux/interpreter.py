"""A classic-BPF interpreter for the few instructions that filters use, so that they are tested without loading them."""

from __future__ import annotations

import struct

from runtime.linux.seccomp import AUDIT_ARCH


def judge(program: bytes, number: int, args: tuple[int, ...] = (), arch: int | None = None) -> int:
    """The filter's answer to one system call."""
    padded = (*args, *[0] * (6 - len(args)))
    data = struct.pack("=IIQ6Q", number, AUDIT_ARCH if arch is None else arch, 0, *[a & (1 << 64) - 1 for a in padded])
    code = list(struct.iter_unpack("=HBBI", program))
    at, accumulator = 0, 0
    while True:
        operation, yes, no, value = code[at]
        at += 1
        if operation == 0x06:
            return int(value)
        if operation == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
        else:
            holds = {0x15: accumulator == value, 0x25: accumulator > value, 0x45: bool(accumulator & value)}[operation]
            at += yes if holds else no
