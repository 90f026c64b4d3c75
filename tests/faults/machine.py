"""A spawner of the tests' own, which may be killed, and a census of all that a sandbox could leave.

Directories, uid ranges and names belong to these tests alone, so that a running site is not disturbed and
does not disturb the count.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.errors import SpawnerUnavailable
from runtime.paths import Paths
from runtime.shim.client import ShimClient
from runtime.spawner.client import SpawnerClient

ROOT = Path(__file__).resolve().parent.parent.parent
UID_BASE = 0x2000_0000  # below 2**31: older kernels read the ids of mount options as signed
RANGES = 512
PREFIX = f"fault{os.getpid()}"
PATIENCE = 15.0


def require_image() -> None:
    """Skip, with the reason, where these tests cannot run."""
    if os.geteuid() == 0 and (Paths.from_environment().images / "index.json").exists():
        return
    pytest.skip("needs root and the linux image (sudo script/bootstrap)")


def eventually(check: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Ask until the answer is true; the last answer, whatever it is."""
    deadline = time.monotonic() + seconds
    while not (answer := check()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return answer


class Machine:
    """One node: its directories and its spawner."""

    def __init__(self, run: Path, base: int = UID_BASE) -> None:
        self.base = base
        self.paths = Paths(Paths.from_environment().state, run)
        self.client = SpawnerClient(self.paths)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **variables: str) -> None:
        """Start the spawner and wait for its answer."""
        own = {"VITRINE_STATE": str(self.paths.state), "VITRINE_RUN": str(self.paths.run)}
        own |= {"VITRINE_UID_BASE": str(self.base), "VITRINE_RANGES": str(RANGES), "VITRINE_POOL": "0"}
        command = [sys.executable, "-m", "runtime.spawner", "--foreground"]
        environment = {**os.environ, **own, **variables}
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
        assert eventually(self.answers), "the spawner does not answer"

    def answers(self) -> bool:
        """Whether the spawner answers a ping."""
        with contextlib.suppress(SpawnerUnavailable):
            return bool(self.client.ping())
        return False

    def kill(self) -> None:
        """kill -9 of the spawner."""
        assert self.process
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Delete all sandboxes and end the spawner."""
        if self.process and self.process.poll() is None:
            with contextlib.suppress(SpawnerUnavailable):
                self.client.shutdown()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()

    def create(self, name: str, **fields: Any) -> dict[str, Any]:
        """Create a sandbox of the usual kind, in a lab network of its own."""
        limits = {"memory": 256 << 20, "cpus": 1.0, "pids": 256, "disk": 256 << 20}
        usual = {"image": "linux", "profile": "nested", "hostname": "box", "net": "lab", "lab": name, "lab_index": 0}
        return self.client.create(id=name, **(limits | usual | fields))

    def shim(self, name: str) -> ShimClient:
        """The client of a sandbox's shim."""
        return ShimClient(self.paths.shim_socket(name))

    def names(self) -> set[str]:
        """The sandboxes the spawner knows."""
        return {state["id"] for state in self.client.list()}


def processes(base: int = UID_BASE) -> list[int]:
    """Processes, zombies too, whose uid is in the tests' ranges."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            uid = int(status.read_text().split("Uid:")[1].split()[0])
            if base <= uid < base + RANGES * 65536:
                found.append(int(status.parent.name))
    return found


def children(pid: int) -> list[int]:
    """The children of a process, shims and helpers and zombies."""
    with contextlib.suppress(OSError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def cgroups(prefix: str) -> list[str]:
    """The cgroups of our sandboxes, in every hierarchy."""
    lines = [line.split(" - ") for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    mounts = [left.split()[4] for left, right in lines if right.split()[0] in ("cgroup", "cgroup2")]
    return [str(path) for mount in mounts for path in Path(mount).glob(f"vitrine*/{prefix}*")]


def census(machine: Machine, prefix: str) -> dict[str, list[str]]:
    """Everything a sandbox could leave behind; clean when each list is empty."""
    run = machine.paths.run
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    return {
        "mounts": [line for line in mounts if str(run) in line or prefix in line],
        "cgroups": cgroups(prefix),
        "processes": [str(pid) for pid in processes(machine.base)],
        "directories": [str(path) for path in machine.paths.sandboxes.glob("*")],
        "ranges": [str(path) for path in machine.paths.ranges.glob("*")],
    }


def leaks(machine: Machine, prefix: str = PREFIX, seconds: float = PATIENCE) -> dict[str, list[str]]:
    """What is left once the dust has settled."""
    eventually(lambda: not any(census(machine, prefix).values()), seconds)
    return {kind: names for kind, names in census(machine, prefix).items() if names}


@contextlib.contextmanager
def machine_in(run: Path, base: int = UID_BASE, **variables: str) -> Iterator[Machine]:
    """A machine with a running spawner, for the duration of a block."""
    machine = Machine(run, base)
    machine.start(**variables)
    try:
        yield machine
    finally:
        machine.stop()
