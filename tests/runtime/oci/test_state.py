"""The state file: replaced whole, believed only when the kernel agrees."""

from __future__ import annotations

import os

import pytest

from runtime.errors import NotFoundError, SpecError
from runtime.oci import state as states
from runtime.oci.state import State


def test_round_trip(tmp_path):
    """What is written is read back, and no draft is left beside it."""
    state = State("a", "running", 5, "/bundle", {"k": "v"}, start_time=7, boot_id="b")
    states.write(tmp_path / "state.json", state)

    assert state == states.read(tmp_path / "state.json")
    assert ["state.json"] == [file.name for file in tmp_path.iterdir()]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"id":"a"}', '{"id":"a","status":"x"}', '{"id":"a","status":"running","pid":"1"}']
)
def test_corrupt(tmp_path, text):
    """A file that is no state is an error of its own kind, never a guess."""
    (tmp_path / "state.json").write_text(text)

    with pytest.raises(SpecError):
        states.read(tmp_path / "state.json")


def test_symlink_is_not_followed(tmp_path):
    """A state file that is a symlink is not there."""
    states.write(tmp_path / "real", State("a", "running"))
    (tmp_path / "state.json").symlink_to("real")

    with pytest.raises(NotFoundError):
        states.read(tmp_path / "state.json")


def test_alive_needs_all_three():
    """A pid is believed only with its start time, in the same boot."""
    pid = os.getpid()
    since, boot = states.start_time(pid), states.boot_id()

    assert states.is_alive(pid, since, boot)
    assert not states.is_alive(pid, since + 1, boot)
    assert not states.is_alive(pid, since, "another boot")
    assert not states.is_alive(0, 0, boot)


def test_zombie_is_not_alive():
    """A process that ended but was not reaped has no start time."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)

    assert 0 == states.start_time(pid)
    os.waitpid(pid, 0)
