"""One machine for most of these tests, and a container beside it in the same laboratory: booting takes seconds."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from runtime.shim.client import ExecResult, ShimClient
from tests.runtime.node import Node, node  # noqa: F401  (a fixture)

NAMES = {"box": "10.88.0.10", "vm": "10.88.0.11"}


@dataclass(frozen=True)
class Guest:
    """A sandbox by its id, and how to ask it things."""

    node: Node
    id: str

    @property
    def shim(self) -> ShimClient:
        return self.node.shim(self.id)

    def run(self, command: str, **options: object) -> ExecResult:
        return self.shim.exec(["/bin/sh", "-c", command], **options)  # type: ignore[arg-type]

    def says(self, command: str) -> str:
        """The output of a command that works."""
        result = self.run(command)
        assert result.code == 0, result
        return result.stdout.decode().strip()

    def processes(self) -> dict[str, int]:
        """Name → pid on the host, of what runs in the sandbox's container."""
        pids = [int(process["pid"]) for process in self.shim.observe()["processes"]]
        return {Path(f"/proc/{pid}/comm").read_text().strip(): pid for pid in pids}

    @property
    def qemu(self) -> int:
        """QEMU's pid on the host."""
        return next(pid for name, pid in self.processes().items() if name.startswith("qemu-system"))


@pytest.fixture(scope="package")
def lab() -> str:
    return f"lab-{secrets.token_hex(4)}"


@pytest.fixture(scope="package")
def vm(node: Node, lab: str) -> Iterator[Guest]:  # noqa: F811
    """A machine that is left as it was by every test that shares it."""
    with node.sandbox(backend="vm", net="lab", lab=lab, lab_index=1, hostname="vm", hosts=NAMES) as identifier:
        guest = Guest(node, identifier)
        guest.says("true")
        yield guest


@pytest.fixture(scope="package")
def box(node: Node, lab: str) -> Iterator[Guest]:  # noqa: F811
    """A container in the same laboratory."""
    with node.sandbox(net="lab", lab=lab, lab_index=0, hostname="box", hosts=NAMES) as identifier:
        yield Guest(node, identifier)


@pytest.fixture
def spare(node: Node) -> Iterator[Guest]:  # noqa: F811
    """A machine of one's own, to be broken."""
    with node.sandbox(backend="vm") as identifier:
        guest = Guest(node, identifier)
        guest.says("true")
        yield guest
