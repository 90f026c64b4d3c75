"""Two programs of a hundred bytes for the guest. No compiler is there; the machine code is written out.

`attentive` makes Ctrl-C work again, and becomes the program it is told. A shell that starts something with
`&` makes it ignore SIGINT and SIGQUIT, and what is ignored stays so through execve(2), for ever: POSIX lets
no shell undo it. The agent starts everything with `&`, so without this no Ctrl-C would end anything.

`fresh NANOSECONDS` sets the clock, and makes the kernel's random numbers begin anew with what was written to
/dev/urandom, its standard input, before. Without it they go on for a while from where they were, which two
guests restored from one state have in common. A shell could set the clock, but a terminal waits for this.

See sigaction(2), execve(2), clock_settime(2), random(4), elf(5), "Signals and Error Handling" of the POSIX shell.
"""

from __future__ import annotations

import struct

BASE = 0x400000
HEADERS = 64 + 56
ATTENTIVE = bytes.fromhex(
    "4889e3"  # mov rbx, rsp            argc, then argv
    "31c0 50505050"  # four words of zero: SIG_DFL, no flags, no mask
    "4889e6 31d2 6a08 415a"  # rsi = these, rdx = 0, r10 = 8
    "6a02 5f 6a0d 58 0f05"  # rt_sigaction(SIGINT, …)
    "6a03 5f 6a0d 58 0f05"  # rt_sigaction(SIGQUIT, …)
    "488b7b10 488d7310"  # rdi = argv[1], rsi = argv + 1
    "488b0b 488d54cb10"  # rdx = the environment, which follows argv
    "6a3b 58 0f05"  # execve
    "6a7f 5f 6a3c 58 0f05"  # exit(127)
)
FRESH = bytes.fromhex(
    "488b742410 31c0"  # rsi = argv[1], rax = 0
    "0fb616 80ea30 720c"  # again: dl = the digit; below '0' is the end
    "486bc00a 4801d0 48ffc6 ebec"  # rax = 10 rax + rdx, and again
    "31d2 b900ca9a3b 48f7f1"  # rax = seconds, rdx = the rest
    "52 50 4889e6 31ff b8e3000000 0f05"  # clock_settime(CLOCK_REALTIME, these)
    "31ff be07520000 31d2"  # edi = standard input, esi = RNDRESEEDCRNG, edx = 0
    "6a10 58 0f05"  # ioctl
    "f7d8 89c7 6a3c 58 0f05"  # exit(-result): 0, or the error's number
)


def elf(code: bytes) -> bytes:
    """The file; x86_64 only, as the machine is."""
    size = HEADERS + len(code)
    entry = BASE + HEADERS
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = struct.pack("<16sHHIQQQIHHHHHH", ident, 2, 62, 1, entry, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, BASE, BASE, size, size, 0x1000)
    return header + segment + code


def files() -> dict[str, bytes]:
    """What lies beside busybox when the guest starts."""
    return {"attentive": elf(ATTENTIVE), "fresh": elf(FRESH)}
