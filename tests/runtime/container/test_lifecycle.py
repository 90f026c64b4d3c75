"""Creating and deleting containers, and what is left when either is interrupted."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from runtime.container.lifecycle import cleanup, live_state
from runtime.errors import NotFoundError
from runtime.oci import state as states
from tests import needs

pytestmark = [needs.root, needs.image, needs.cgroups]

HOST_STEPS = [
    "directory", "uid-range", "terminals", "private-mounts", "cgroup", "limits", "namespaces", "map-ids",
    "disk", "layers", "overlay", "enter",
]  # fmt: skip


def wait_until(condition):
    """Until it holds; ten seconds are too long."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in ten seconds"
        time.sleep(0.01)


def test_delete_leaves_nothing(make):
    """After delete nothing of a container is left on the host, though processes were running in it."""
    guest = make()
    guest.order("leave", args=["sleep", "1000"])

    answer = guest.delete()

    assert answer["deleted"] < 5
    assert [] == guest.traces()
    assert not Path(f"/proc/{guest.facts['pid']}").exists()


def test_mounts_stay_inside(make):
    """No mount of a container appears in the host's table."""
    guest = make()
    guest.sh("mount -t tmpfs none /mnt")

    assert guest.id not in Path("/proc/self/mountinfo").read_text()


def test_id_is_taken(make):
    """A second container of the same id is refused, and the first is unharmed."""
    guest = make()

    second = type(guest)(guest.paths, {}, id=guest.id)
    second.kill_driver()

    assert "directory" == second.facts["failed"]
    assert "alive" == guest.sh("echo alive")


def test_failed_birth_is_undone(make):
    """When a step fails, the ones before it are taken back."""
    guest = make(layers=["/does/not/exist"])

    assert "layers" == guest.facts["failed"]
    assert [] == guest.traces()


@pytest.mark.faults
@pytest.mark.parametrize("step", [*HOST_STEPS, "join-cgroup", "pivot-root", "mount-dev"])
def test_killed_creator(make, step):
    """If the creator is killed after any step, cleanup by id removes every trace, and may be repeated."""
    guest = make({"VITRINE_FAIL_AFTER": step})
    guest.kill_driver()

    cleanup(guest.id, guest.paths)
    cleanup(guest.id, guest.paths)

    assert "make" == guest.facts["failed"]
    assert [] == guest.traces()


@pytest.mark.faults
def test_guest_dies_with_its_shim(make):
    """Killing the process that holds a container kills what runs in it."""
    guest = make()
    guest.order("leave", args=["sleep", "1000"])
    guest.kill_driver()

    wait_until(lambda: states.start_time(guest.facts["pid"]) == 0)
    assert "stopped" == live_state(guest.id, guest.paths).status


def test_state_is_checked_against_the_kernel(make):
    """A record whose pid has another start time is a stopped container, whoever has the pid now."""
    guest = make()
    file = guest.paths.state_file(guest.id)
    record = json.loads(file.read_text())

    assert "created" == live_state(guest.id, guest.paths).status
    file.write_text(json.dumps({**record, "pid": os.getpid()}))
    assert "stopped" == live_state(guest.id, guest.paths).status


def test_cleanup_of_nothing(run_directory, make):
    """Cleaning up what never existed is no error, and the state of it is not found."""
    guest = make()

    cleanup("never-there", guest.paths)

    with pytest.raises(NotFoundError):
        live_state("never-there", guest.paths)


def test_steps_are_timed(make):
    """Each step of the plan reports its stage, its manual page and its time, in order."""
    timings = make().facts["timings"]

    assert HOST_STEPS == [timing["name"] for timing in timings if timing["stage"] == "host"]
    assert all(timing["manual"].endswith(")") and timing["duration_us"] >= 0 for timing in timings)
    assert {"pivot-root", "mount-proc", "become-root"} <= {t["name"] for t in timings if t["stage"] == "inside"}


def test_two_guests_share_no_ids(run_directory, make):
    """Two containers of one node never have the same host ids."""
    first = make()
    second = type(first)(first.paths, {}, id=first.id + "b")
    try:
        assert first.facts["uid"] != second.facts["uid"]
    finally:
        second.delete()


def test_pause(make):
    """A paused container's processes do not run; resume lets them go on."""
    guest = make()
    guest.order("leave", args=["sh", "-c", "while :; do echo x >> /tmp/beat; sleep 0.01; done"])
    beat = Path(f"/proc/{guest.facts['pid']}/root/tmp/beat")
    wait_until(beat.exists)
    guest.order("pause")
    time.sleep(0.1)
    before = beat.stat().st_size
    time.sleep(0.2)

    assert before == beat.stat().st_size
    guest.order("resume")
    wait_until(lambda: beat.stat().st_size > before)
