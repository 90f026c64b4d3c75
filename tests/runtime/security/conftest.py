"""Two sandboxes of the nested profile, one of the strict, for all the attacks of a run."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runtime.shim.client import ExecResult, ShimClient
from tests.faults.machine import Machine, image_is_here, machine_in
from tests.runtime.security.probe import program

UID_BASE = 1879048192 + 13312 * 65536


@dataclass(frozen=True)
class Victim:
    """A sandbox seen by an attacker who is root in it."""

    name: str
    shim: ShimClient
    state: dict[str, Any]

    def run(self, script: str) -> ExecResult:
        """Run a script as root inside."""
        return self.shim.exec(["bash", "-c", script], timeout=30)

    def output(self, script: str) -> str:
        """What a script prints, both streams."""
        result = self.run(script)
        return (result.stdout + result.stderr).decode(errors="replace").strip()

    def call(self, number: int, *arguments: int | bytes) -> int:
        """The errno of one system call made inside; 0 if it succeeded."""
        if platform.machine() != "x86_64":
            pytest.skip("the probe is x86-64 code")
        self.shim.put("/tmp/probe", program(number, *arguments), mode=0o755)
        return self.shim.exec(["/tmp/probe"]).code


@pytest.fixture(scope="session")
def attacked() -> Iterator[Machine]:
    """A machine of its own."""
    if not image_is_here():
        pytest.skip("needs root and the linux image (sudo script/bootstrap)")
    with (
        tempfile.TemporaryDirectory(prefix="vt-", dir="/run") as run,
        machine_in(Path(run), UID_BASE) as machine,
    ):
        yield machine


def sandbox(machine: Machine, kind: str, **fields: Any) -> Victim:
    """A new sandbox."""
    name = f"attack{os.getpid()}-{kind}"
    state = machine.create(name, **fields)["state"]
    return Victim(name, machine.shim(name), state)


@pytest.fixture(scope="session")
def victim(attacked: Machine) -> Victim:
    """The sandbox the attacker is in."""
    return sandbox(attacked, "nested", profile="nested")


@pytest.fixture(scope="session")
def neighbour(attacked: Machine) -> Victim:
    """Another student's sandbox."""
    return sandbox(attacked, "neighbour", profile="nested")


@pytest.fixture(scope="session")
def strict(attacked: Machine) -> Victim:
    """A sandbox of the strict profile."""
    return sandbox(attacked, "strict", profile="strict")
