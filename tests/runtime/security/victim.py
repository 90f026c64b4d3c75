"""A sandbox as its attacker sees it."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from typing import Any

import pytest

from runtime.shim.client import ExecResult, ShimClient
from tests.faults.machine import Machine
from tests.runtime.security.probe import program


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


def sandbox(machine: Machine, kind: str, **fields: Any) -> Victim:
    """A new sandbox."""
    name = f"attack{os.getpid()}-{kind}"
    state = machine.create(name, **fields)["state"]
    return Victim(name, machine.shim(name), state)
