"""What the x-ray must be told about a sandbox: where its control groups, disk and layers are."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field
from pathlib import Path

from runtime.linux.cgroups import Cgroup
from runtime.plan import StepTiming


@dataclass(frozen=True)
class Subject:
    """One container, as its shim knows it. `directory` holds disk/ and layers/N in our mount namespace."""

    id: str
    init_pid: int
    uid_base: int
    group: Cgroup
    directory: Path
    layers: list[Path]
    images: Path
    hostname: str = "box"
    profile: str = "nested"
    disk_bytes: int = 0
    lab_fd: int = -1
    started: float = 0.0
    uid_count: int = 65536
    steps: list[StepTiming] = field(default_factory=list)
    supervisor: socket.socket | None = None  # of a virtual machine: who knows how its guest is
    backend: str = "container"

    @property
    def relative_group(self) -> bytes:
        """The path that every process of the sandbox has in every control group hierarchy."""
        tree = self.group.trees[0]
        return b"/" + os.fsencode(self.group.path(tree).relative_to(tree.path))

    def inside_id(self, outside: int) -> int | None:
        """A user or group id as the sandbox numbers it; None: not one of its own."""
        inside = outside - self.uid_base
        return inside if 0 <= inside < self.uid_count else None
