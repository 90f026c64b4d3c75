"""The machine code of process 1."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from runtime.container import init
from runtime.linux import syscalls
from runtime.oci.state import start_time


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_size(machine):
    """The program is tiny, a 64-bit ELF, and ends in its data."""
    program = init.elf(machine)

    assert len(program) < 400
    assert b"\x7fELF\x02\x01\x01" == program[:7]
    assert program.endswith(init.DATA)


def test_aarch64_distances():
    """Every distance of the ARM code leads to the place that its label names."""
    words = memoryview(init.elf("aarch64")[init.HEADERS : -len(init.DATA)]).cast("I")
    adr = [(index, word) for index, word in enumerate(words) if word & 0x9F000000 == 0x10000000]
    targets = [index * 4 + ((word >> 5 & 0x7FFFF) << 2 | word >> 29 & 3) for index, word in adr]

    assert [len(words) * 4, len(words) * 4 + 8, len(words) * 4 + 8] == targets


def test_sealed():
    """Nobody can change the program once it is made."""
    fd = init.sealed_memfd()
    try:
        with pytest.raises(PermissionError):
            os.write(fd, b"x")
    finally:
        os.close(fd)


def test_runs_until_sigterm():
    """It names itself, ignores SIGINT and ends well on SIGTERM."""
    fd = init.sealed_memfd()
    pid = os.fork()
    if pid == 0:
        syscalls.execveat(fd, "init")
        os._exit(1)
    os.close(fd)
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}/comm").read_text() != "init\n" and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(0.05)

    os.kill(pid, signal.SIGINT)
    assert start_time(pid)
    os.kill(pid, signal.SIGTERM)
    assert (pid, 0) == os.waitpid(pid, 0)
