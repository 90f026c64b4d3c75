"""Two sandboxes of the nested profile, one of the strict, for all the attacks of a run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.machine import Machine, machine_in, require_image
from tests.runtime.security.victim import Victim, sandbox

UID_BASE = 0x3000_0000


@pytest.fixture(scope="session")
def attacked() -> Iterator[Machine]:
    """A machine of its own."""
    require_image()
    with (
        tempfile.TemporaryDirectory(prefix="vt-", dir="/run") as run,
        machine_in(Path(run), UID_BASE) as machine,
    ):
        yield machine


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
