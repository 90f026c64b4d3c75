"""A node whose places are full, whose records are broken, or whose names others use: what is refused, what lives on, what is left alone."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.errors import RuntimeRefused
from runtime.linux.cgroups import Cgroup
from tests.faults.machine import PREFIX, Machine, cgroups, eventually, leaks, machine_in, require_image
from tests.faults.test_kill_parents import edit_state, end_with_its_shim, is_gone, status

NAME = f"{PREFIX}-place"


@pytest.fixture
def small(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A machine whose run directory is a small file system of its own."""
    require_image()
    place = tempfile.mkdtemp(prefix="vt-", dir="/run")
    subprocess.run(["mount", "-t", "tmpfs", "-o", request.param, "vitrine-test", place], check=True)
    try:
        with machine_in(Path(place)) as machine:
            yield machine
    finally:
        subprocess.run(["umount", "-l", place], check=True)
        os.rmdir(place)


def fill_bytes(place: Path) -> Path:
    """One file that takes all there is."""
    path = place / "filler"
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    return path


def fill_inodes(place: Path) -> Path:
    """Empty files, until there can be no more."""
    path = place / "fillers"
    path.mkdir()
    with contextlib.suppress(OSError):
        for number in range(10_000):
            (path / str(number)).touch()
    return path


@pytest.mark.parametrize("small, fill", [("size=1m", fill_bytes), ("size=4m,nr_inodes=200", fill_inodes)], indirect=["small"],
                         ids=["F-15 bytes", "F-16 inodes"])  # fmt: skip
def test_a_full_disk_refuses_and_comes_back(small: Machine, fill) -> None:
    """With no room a creation is refused in words and leaves nothing; what runs goes on, its record whole; with room again one works."""
    small.create(NAME)
    record = small.paths.state_file(NAME).read_text()
    filler = fill(small.paths.run)

    with pytest.raises(RuntimeRefused, match=r"[Nn]o space left"):
        small.create(f"{NAME}-late")
    assert small.shim(NAME).exec(["echo", "on"]).stdout == b"on\n"
    assert json.loads(small.paths.state_file(NAME).read_text()) == json.loads(record)
    assert small.names() == {NAME}

    subprocess.run(["rm", "-r", filler], check=True)
    small.create(f"{NAME}-late")
    for name in (NAME, f"{NAME}-late"):
        small.client.delete(name)
    left = leaks(small, seconds=2)
    left.pop("mounts", None)  # the file system that is the place itself
    assert left == {}


def test_a_record_of_another_is_not_believed(machine: Machine) -> None:
    """F-27: A record that names another sandbox's processes, or is anybody's file, makes nobody a victim."""
    other = machine.create(f"{NAME}-other")["state"]
    machine.create(NAME)
    machine.kill()
    end_with_its_shim_of(machine, NAME)
    stolen = machine.paths.state_file(f"{NAME}-other").read_text()
    machine.paths.state_file(NAME).write_text(stolen)
    os.chown(machine.paths.state_file(NAME), 65534, 65534)

    machine.start()

    assert machine.names() == {f"{NAME}-other"}
    assert machine.client.state(f"{NAME}-other")["pid"] == other["pid"]
    assert machine.shim(f"{NAME}-other").exec(["true"]).code == 0
    machine.client.delete(f"{NAME}-other")
    assert leaks(machine) == {}


@pytest.mark.parametrize(
    "text", ["", "{", '{"id": 7}', "[]", "\0" * 4096, '{"id": "x", "status": "running", "pid": "1"}', "9" * (2 << 20)]
)
def test_no_record_stops_the_spawner(run_directory: Path, text: str) -> None:
    """F-27: Empty, cut, garbage, huge: treated as unknown, undone by its id; the spawner starts."""
    directory = run_directory / "sandboxes" / f"{PREFIX}-broken"
    directory.mkdir(parents=True)
    (directory / "state.json").write_text(text)

    with machine_in(run_directory) as machine:
        assert eventually(lambda: not directory.exists())
        assert machine.names() == set()
        assert leaks(machine) == {}


def end_with_its_shim_of(machine: Machine, name: str) -> None:
    """End one sandbox's shim while no spawner looks."""
    pid = json.loads(machine.paths.state_file(name).read_text())["shim_pid"]
    os.kill(pid, 9)
    assert eventually(lambda: is_gone(pid))


def test_a_pid_that_is_another_s_now(machine: Machine) -> None:
    """F-24: A record whose numbers are right but for the start time leads to no kill: an innocent has that pid."""
    machine.create(NAME)
    machine.kill()
    end_with_its_shim_of(machine, NAME)
    bystander = subprocess.Popen(["sleep", "60"])  # later than the shim by more than the clock's tick
    path = machine.paths.state_file(NAME)
    record = json.loads(path.read_text()) | {"pid": bystander.pid, "shim_pid": bystander.pid}
    path.write_text(json.dumps(record))

    machine.start()

    assert leaks(machine) == {}
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_orphans_go_and_foreigners_stay(machine: Machine) -> None:
    """F-23: What bears an id of ours and has no shim is removed at the spawner's start; others' groups and directories are untouched."""
    machine.create(NAME)
    machine.kill()
    end_with_its_shim_of(machine, NAME)
    foreign = Cgroup(f"{PREFIX}-foreign", parent=f"not-{machine.paths.cgroup}")
    foreign.create()
    strange = machine.paths.run / "somebody-elses"
    strange.mkdir()
    odd = machine.paths.sandboxes / "Not_An_Id"
    odd.mkdir()
    try:
        machine.start()

        assert eventually(lambda: cgroups(NAME) == [])
        assert foreign.processes() == [] and any(Path("/sys/fs/cgroup").rglob(f"{PREFIX}-foreign"))
        assert strange.is_dir() and odd.is_dir()
    finally:
        foreign.remove(5.0)
        odd.rmdir()
        for path in {each.parent for each in Path("/sys/fs/cgroup").glob("*/not-vitrine*/*")}:
            path.rmdir()
    assert leaks(machine) == {}


def test_a_full_node_says_so_and_recovers(run_directory: Path) -> None:
    """F-28: With every range of user ids taken a creation is refused with that reason; one removed, the next fits; none is shared."""
    with machine_in(run_directory, VITRINE_RANGES="3") as machine:
        bases = [machine.create(f"{NAME}-{number}")["state"]["uid_base"] for number in range(3)]
        with pytest.raises(RuntimeRefused, match="all 3 ranges"):
            machine.create(f"{NAME}-four")
        assert len(set(bases)) == 3

        machine.client.delete(f"{NAME}-1")
        assert machine.create(f"{NAME}-four")["state"]["uid_base"] == bases[1]
        for name in machine.names():
            machine.client.delete(name)
        assert leaks(machine) == {}


def test_another_version_is_refused_in_words(machine: Machine) -> None:
    """F-22: A shim asked in a later version of the protocol says which it speaks, and lives on; it can be ended by whatever version."""
    machine.create(NAME)
    shim = machine.shim(NAME)

    with pytest.raises(RuntimeRefused, match="version"):
        shim.ask("state", v=2)
    assert shim.exec(["true"]).code == 0
    with pytest.raises(RuntimeRefused, match="version"):
        machine.client.ask("ping", v=2)
    assert machine.answers()

    machine.client.delete(NAME)
    assert leaks(machine) == {}


def test_the_kernel_takes_guests_first(machine: Machine) -> None:
    """F-33: When memory runs out a process of a sandbox is chosen before any of the host's, and cannot put itself behind them."""
    state = machine.create(NAME)["state"]
    shim = machine.shim(NAME)
    assert machine.process

    def score(pid: object) -> int:
        return int(Path(f"/proc/{pid}/oom_score_adj").read_text())

    assert score(state["pid"]) == 500
    assert shim.exec(["cat", "/proc/self/oom_score_adj"]).stdout == b"500\n"
    assert shim.exec(["sh", "-c", "echo -1 > /proc/self/oom_score_adj"]).code != 0
    assert score(machine.process.pid) <= 0
    machine.client.delete(NAME)
    assert leaks(machine) == {}


def test_a_hung_file_system_holds_up_nobody(machine: Machine) -> None:
    """F-30: A sandbox whose processes hang in a file system without a server is deleted, and others are made and deleted meanwhile."""
    machine.create(NAME)
    hang = "mkfifo /tmp/f; for n in 1 2 3; do (exec 3</tmp/f) & done; kill -STOP -1; sleep 1000"
    with contextlib.suppress(RuntimeRefused, OSError, TimeoutError):
        machine.shim(NAME).exec(["bash", "-c", hang], timeout=0.5)
    machine.create(f"{NAME}-other")
    machine.client.delete(f"{NAME}-other")

    machine.client.delete(NAME)
    assert status(machine, NAME) == "none"
    assert leaks(machine) == {}


def test_edit_state_is_seen(machine: Machine) -> None:
    """F-24: With the boot's id changed too, nothing recorded is believed."""
    machine.create(f"{PREFIX}-one")
    machine.kill()
    end_with_its_shim(machine)
    edit_state(machine, boot_id="0" * 36, pid=os.getpid())

    machine.start()

    assert leaks(machine) == {}
