"""One system call as a program of some 200 bytes.

An attack must not depend on what the image happens to hold: no compiler, no ctypes. So each probe is a static
ELF assembled here: load the registers, make the call, exit with its errno (0 when it succeeded).
"""

from __future__ import annotations

import struct

BASE = 0x400000
HEADERS = 64 + 56
# mov reg, imm64 for rax rdi rsi rdx r10 r8 r9
LOAD = (b"\x48\xb8", b"\x48\xbf", b"\x48\xbe", b"\x48\xba", b"\x49\xba", b"\x49\xb8", b"\x49\xb9")
# syscall; test rax,rax; jns +5; neg eax; mov edi,eax → skip the zeroing; xor edi,edi; mov eax,231; syscall
TAIL = bytes.fromhex("0f05 4885c0 7906 f7d8 89c7 eb02 31ff b8e7000000 0f05")
CODE_SIZE = len(LOAD) * 10 + len(TAIL)
DATA = BASE + HEADERS + CODE_SIZE


def program(number: int, *arguments: int | bytes) -> bytes:
    """An x86-64 program for one call; an argument of bytes is passed as its address."""
    words, data = [], b""
    for argument in arguments:
        words.append(DATA + len(data) if isinstance(argument, bytes) else argument)
        data += argument if isinstance(argument, bytes) else b""
    words += [0] * (6 - len(words))
    load = b"".join(op + struct.pack("<Q", word & (2**64 - 1)) for op, word in zip(LOAD, [number, *words], strict=True))
    size = HEADERS + CODE_SIZE + len(data)
    return elf_header() + program_header(size) + load + TAIL + data


def elf_header() -> bytes:
    """64 bytes: a little-endian 64-bit executable for x86-64. See elf(5)."""
    identity = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    return identity + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, BASE + HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0)


def program_header(size: int) -> bytes:
    """One segment, loaded whole, read, written and executed."""
    return struct.pack("<IIQQQQQQ", 1, 7, 0, BASE, BASE, size, size, 0x1000)
