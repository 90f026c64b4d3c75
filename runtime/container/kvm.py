"""Is /dev/kvm honest? Run a million turns of a loop in a guest and look at the clock.

Some hosts offer /dev/kvm and then emulate the guest's code instead of running it, a thousand
times slower, or never return from KVM_RUN. So the probe runs in a child with half a second to
live. Code is there for x86_64 only, as the machines are.

See the kernel's KVM API documentation (Documentation/virt/kvm/api.rst).
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import mmap
import os
import select
import signal
import stat
import struct
import time
from dataclasses import asdict, dataclass

from runtime.linux.syscalls import MACHINE

DEVICE = "/dev/kvm"
HONEST = "guest code runs at the processor's speed"
LIFE = 0.5
FAST = 0.05
WORKS, ABSENT, FORBIDDEN, USELESS = WORDS = ("works", "absent", "forbidden", "useless")
_BY_ERROR = {
    errno.ENOENT: ABSENT, errno.ENXIO: ABSENT, errno.ENODEV: ABSENT, errno.EACCES: FORBIDDEN, errno.EPERM: FORBIDDEN,
}  # fmt: skip

KVM_CREATE_VM = 0xAE01
KVM_GET_VCPU_MMAP_SIZE = 0xAE04
KVM_CREATE_VCPU = 0xAE41
KVM_RUN = 0xAE80
KVM_SET_USER_MEMORY_REGION = 0x4020AE46
KVM_GET_SREGS = 0x8138AE83
KVM_SET_SREGS = 0x4138AE84
KVM_SET_REGS = 0x4090AE82
KVM_EXIT_IO = 2

# mov ecx, 1000000; again: dec ecx; jnz again; mov al, 'K'; out 0x10, al; hlt
CODE = bytes.fromhex("b940420f00 49 75fd b04b e610 f4")
START = 0x1000
PROTECTED_MODE = 1


@dataclass(frozen=True)
class Verdict:
    """One of WORDS, and what was found, for a person."""

    word: str
    detail: str

    @property
    def accelerator(self) -> str:
        """What QEMU calls the way that machines are then run."""
        return "kvm" if self.word == WORKS else "tcg"


def probe(device: str = DEVICE) -> Verdict:
    """Try it, in half a second at most."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(write_end, json.dumps(asdict(_tried(device))).encode())
        os._exit(0)
    os.close(write_end)
    try:
        if not select.select([read_end], [], [], LIFE)[0]:
            return Verdict(USELESS, "the guest did not come back in half a second")
        return Verdict(**json.loads(os.read(read_end, 4096)))
    except ValueError:
        return Verdict(USELESS, "whoever tried it died")
    finally:
        os.close(read_end)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _tried(device: str) -> Verdict:
    """In the child, which must end here."""
    try:
        kvm = _open(device)
    except OSError as error:
        return Verdict(_BY_ERROR.get(error.errno or 0, USELESS), str(error).lower())
    try:
        detail = _run(kvm)
    except BaseException as error:  # noqa: BLE001 - whatever happens is a reason
        detail = str(error).lower()[:500]
    return Verdict(WORKS if detail == HONEST else USELESS, detail)


def _open(device: str) -> int:
    """Root may open what nobody may; who has taken all rights from the node has said no, and is heeded."""
    if not os.stat(device).st_mode & (stat.S_IRWXU | stat.S_IRWXG | stat.S_IRWXO):
        raise PermissionError(errno.EACCES, "nobody may open it", device)
    return os.open(device, os.O_RDWR | os.O_CLOEXEC)


def _run(kvm: int) -> str:
    if MACHINE != "x86_64":
        return f"no guest code is known for {MACHINE}"
    machine = fcntl.ioctl(kvm, KVM_CREATE_VM, 0)
    memory = mmap.mmap(-1, 4096, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)
    memory[: len(CODE)] = CODE
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    fcntl.ioctl(machine, KVM_SET_USER_MEMORY_REGION, struct.pack("IIQQQ", 0, 0, START, 4096, address))
    processor = fcntl.ioctl(machine, KVM_CREATE_VCPU, 0)
    shared = mmap.mmap(processor, fcntl.ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0))
    _flat_segments(processor)
    registers = [0] * 18
    registers[16], registers[17] = START, 2  # rip; the one flag that is always set
    fcntl.ioctl(processor, KVM_SET_REGS, struct.pack("18Q", *registers))
    begun = time.monotonic()
    fcntl.ioctl(processor, KVM_RUN, 0)
    taken = time.monotonic() - begun
    (reason,) = struct.unpack_from("I", shared, 8)
    if reason != KVM_EXIT_IO:
        return f"the guest ended with exit reason {reason}"
    return HONEST if taken < FAST else f"guest code is emulated: the loop took {taken * 1000:.0f} ms"


def _flat_segments(processor: int) -> None:
    """32-bit protected mode with every segment covering all memory: the least that runs code."""
    state = bytearray(312)
    fcntl.ioctl(processor, KVM_GET_SREGS, state)
    for place, kind in enumerate((11, 3, 3, 3, 3, 3)):  # code, then five of data
        selector = 8 if place == 0 else 16
        struct.pack_into("<QIHBBBBBBBBBB", state, place * 24, 0, 0xFFFFFFFF, selector, kind, 1, 0, 1, 1, 0, 1, 0, 0, 0)
    where = 8 * 24 + 2 * 16  # cr0 follows the eight segments and two tables
    (control,) = struct.unpack_from("Q", state, where)
    struct.pack_into("Q", state, where, control | PROTECTED_MODE)
    fcntl.ioctl(processor, KVM_SET_SREGS, bytes(state))
