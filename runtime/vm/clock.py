"""How fast the processor's time-stamp counter runs, for a guest that cannot find out.

A kernel measures the counter against a clock of known speed. The smallest of QEMU's machines has
only the old interval timer, and on a busy host the measurement fails or never ends. The guest is
therefore told the host's own speed on its command line (`tsc_early_khz=`) and to trust it.

See Documentation/admin-guide/kernel-parameters.txt, and RDTSC in the processor's manual.
"""

from __future__ import annotations

import ctypes
import mmap
import time

# rdtsc; shl rdx, 32; or rax, rdx; ret
CODE = bytes.fromhex("0f31 48c1e220 4809d0 c3")
SAMPLE_SECONDS = 0.02
SAMPLES = 3


def counter_khz() -> int:
    """The counter's speed in kHz, by the best of a few short samples against CLOCK_MONOTONIC."""
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(CODE)
    read = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    samples = [_sample(read) for _ in range(SAMPLES)]
    return round(min(samples)[1])


def _sample(read: ctypes._CFunctionType) -> tuple[int, float]:  # type: ignore[name-defined]
    """(nanoseconds of doubt, kHz): the doubt is how long the two readings themselves took."""
    before, first, after = time.monotonic_ns(), read(), time.monotonic_ns()
    time.sleep(SAMPLE_SECONDS)
    later, second, end = time.monotonic_ns(), read(), time.monotonic_ns()
    elapsed = (later + end - before - after) / 2
    return (after - before) + (end - later), (second - first) * 1e6 / elapsed
