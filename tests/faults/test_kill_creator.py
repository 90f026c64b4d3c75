"""The creator is killed after each step in turn; the spawner finds and removes what it left (F-02)."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from runtime.errors import RuntimeRefused, SpawnerUnavailable
from tests.faults.machine import PREFIX, leaks, machine_in


def steps_of_a_creation(run: Path) -> list[str]:
    """The names of the steps, from a creation that works."""
    with machine_in(run) as machine:
        timings = machine.create(f"{PREFIX}-steps")["timings"]
        machine.client.delete(f"{PREFIX}-steps")
    return [timing["name"] for timing in timings]


def test_creator_killed_at_every_step(run_directory: Path) -> None:
    """F-02: A SIGKILL after any step leaves nothing, is reported, and the next creation works."""
    left: dict[str, object] = {}
    steps = steps_of_a_creation(run_directory)
    assert len(steps) > 5

    for number, step in enumerate(steps):
        with machine_in(run_directory, VITRINE_FAIL_AFTER=step) as machine:
            with contextlib.suppress(RuntimeRefused, SpawnerUnavailable):
                machine.create(f"{PREFIX}-dead{number}")
                left[step] = "the creation was reported as a success"
            assert machine.answers(), f"the spawner died with the creator after {step}"
            if remains := leaks(machine):
                left[step] = remains

    assert {} == left


def test_a_failed_creation_names_the_image(run_directory: Path) -> None:
    """An image that does not exist is refused with its name, and leaves nothing."""
    with machine_in(run_directory) as machine:
        with pytest.raises(RuntimeRefused, match="no-such-image"):
            machine.create(f"{PREFIX}-none", image="no-such-image")

        assert leaks(machine) == {}
