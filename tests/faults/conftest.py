"""Fixtures of the fault tests: a machine whose spawner may be killed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.machine import Machine, image_is_here, machine_in


@pytest.fixture
def run_directory() -> Iterator[Path]:
    """A short directory: the path of a Unix socket has 107 bytes."""
    if not image_is_here():
        pytest.skip("needs root and the linux image (sudo script/bootstrap)")
    with tempfile.TemporaryDirectory(prefix="vt-", dir="/run") as path:
        yield Path(path)


@pytest.fixture
def machine(run_directory: Path) -> Iterator[Machine]:
    """A machine with a running spawner."""
    with machine_in(run_directory) as running:
        yield running
