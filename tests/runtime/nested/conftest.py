"""One sandbox of the docker image, with no more than a lesson gives, for all commands of a module."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from runtime.image.store import Store
from runtime.linux.cgroups import Cgroup
from runtime.paths import Paths
from tests.runtime.node import Node

MEBIBYTE = 1 << 20
REQUEST = {"image": "docker", "profile": "nested", "memory": 256 * MEBIBYTE, "cpus": 2.0, "pids": 256, "disk": 128 * MEBIBYTE}


@dataclass
class Docker:
    """A sandbox with container tools, seen from outside."""

    node: Node
    id: str

    def sh(self, script: str, *, status: int = 0) -> str:
        """What a bash script prints; it must end with this status."""
        started = time.monotonic()
        result = self.node.shim(self.id).exec(["bash", "-c", script], timeout=60)
        said = (result.stdout + result.stderr).decode(errors="replace")
        print(f"{1000 * (time.monotonic() - started):6.0f} ms  {script.splitlines()[0][:100]}")
        assert status == result.code, f"{script}: status {result.code}\n{said}"
        return said

    @property
    def groups(self) -> list[Path]:
        """Its control groups on the host, one in every hierarchy."""
        group = Cgroup(self.id, parent=self.node.paths.cgroup)
        return [group.path(tree) for tree in group.trees]

    def memory(self) -> int:
        """Bytes charged to it."""
        return int(self.node.shim(self.id).state()["usage"]["memory_bytes"])


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A spawner; without the image these tests fail, and the store says how to get it."""
    Store(Paths.from_environment().images).lookup("docker")
    node = Node(tmp_path_factory.mktemp("nested"))
    node.start()
    yield node
    node.stop()


@pytest.fixture(scope="module")
def docker(node: Node) -> Iterator[Docker]:
    """The sandbox; deleted at the end of the module."""
    identifier = f"t-{secrets.token_hex(4)}"
    node.spawner.create(id=identifier, **REQUEST)
    yield Docker(node, identifier)
    node.spawner.delete(identifier)
