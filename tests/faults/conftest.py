"""Fixtures of the fault tests: a machine whose spawner may be killed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.machine import Machine, machine_in, require_image


@pytest.fixture
def run_directory() -> Iterator[Path]:
    """A short directory: the path of a Unix socket has 107 bytes."""
    require_image()
    with tempfile.TemporaryDirectory(prefix="vt-", dir="/run") as path:
        yield Path(path)


@pytest.fixture
def machine(run_directory: Path) -> Iterator[Machine]:
    """A machine with a running spawner."""
    with machine_in(run_directory) as running:
        yield running
