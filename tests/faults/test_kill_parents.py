"""kill -9 of a shim, of an init and of the spawner, and what must be true after (F-06, F-07, F-08, F-14, F-27, F-32)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from runtime.errors import RuntimeRefused, SpawnerUnavailable
from tests.faults.machine import PREFIX, RANGES, ROOT, UID_BASE, Machine, children, eventually, leaks, machine_in

NAME = f"{PREFIX}-one"
OTHER_BASE = UID_BASE + RANGES * 65536


def is_gone(pid: int) -> bool:
    """Whether no process has this pid, a zombie counting as one."""
    return not Path(f"/proc/{pid}").exists()


def status(machine: Machine, name: str) -> str:
    """The status the spawner tells, or "none"."""
    try:
        return str(machine.client.state(name)["status"])
    except (RuntimeRefused, SpawnerUnavailable):
        return "none"


def edit_state(machine: Machine, **fields: object) -> None:
    """Change fields of a sandbox's state.json by hand."""
    path = machine.paths.state_file(NAME)
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def end_with_its_shim(machine: Machine) -> None:
    """Let a shim that was left alone go, for tests that made the spawner forget it."""
    pid = json.loads(machine.paths.state_file(NAME).read_text())["shim_pid"]
    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: is_gone(pid))


def test_killed_shim_takes_its_sandbox_along(machine: Machine) -> None:
    """F-06: When the shim is killed, init dies with it and the spawner removes the rest."""
    state = machine.create(NAME)["state"]

    os.kill(state["shim_pid"], signal.SIGKILL)

    assert eventually(lambda: is_gone(state["pid"]))
    assert leaks(machine) == {}
    assert machine.answers()


def test_killed_init_is_a_stopped_sandbox(machine: Machine) -> None:
    """F-07: When init is killed, the sandbox is stopped or gone, never running; delete frees the rest."""
    state = machine.create(NAME)["state"]

    os.kill(state["pid"], signal.SIGKILL)

    assert eventually(lambda: status(machine, NAME) in ("stopped", "none"))
    machine.client.delete(NAME)
    assert leaks(machine) == {}


def test_sandbox_survives_its_spawner(machine: Machine) -> None:
    """F-08: A killed spawner takes no sandbox along; the next one adopts it, and can delete it."""
    state = machine.create(NAME)["state"]
    machine.kill()
    assert machine.shim(NAME).exec(["hostname"]).stdout == b"box\n"

    machine.start()

    assert {NAME} == machine.names()
    assert state["pid"] == machine.client.state(NAME)["pid"]
    assert machine.shim(NAME).exec(["hostname"]).stdout == b"box\n"
    machine.client.delete(NAME)
    assert leaks(machine) == {}


def test_adopted_shim_is_watched(machine: Machine) -> None:
    """F-06, F-08: A shim that was adopted, and then killed, is cleaned up after like any other."""
    state = machine.create(NAME)["state"]
    machine.kill()
    machine.start()

    os.kill(state["shim_pid"], signal.SIGKILL)

    assert eventually(lambda: is_gone(state["pid"]))
    assert leaks(machine) == {}


def test_shim_killed_while_no_spawner_runs(machine: Machine) -> None:
    """F-06, F-08: What died unseen is removed by the next spawner at its start."""
    state = machine.create(NAME)["state"]
    machine.kill()
    os.kill(state["shim_pid"], signal.SIGKILL)

    machine.start()

    assert set() == machine.names()
    assert leaks(machine) == {}


def test_state_of_an_earlier_boot_is_not_believed(machine: Machine) -> None:
    """F-14, F-24: After a reboot a recorded pid means nothing: no process is signalled, the names are freed."""
    bystander = subprocess.Popen(["sleep", "60"])
    machine.create(NAME)
    machine.kill()
    end_with_its_shim(machine)
    edit_state(machine, boot_id="0" * 36, pid=bystander.pid, shim_pid=bystander.pid)

    machine.start()

    assert set() == machine.names()
    assert leaks(machine) == {}
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_corrupt_state_is_undone_by_id(machine: Machine) -> None:
    """F-27: A state.json that cannot be read does not stop the spawner; what has that id is removed."""
    machine.create(NAME)
    machine.kill()
    end_with_its_shim(machine)
    machine.paths.state_file(NAME).write_text("{ half a rec")

    machine.start()

    assert set() == machine.names()
    assert leaks(machine) == {}


def test_state_is_not_read_through_a_symlink(machine: Machine, tmp_path: Path) -> None:
    """F-27: A state.json that is a symlink is not followed; its target is left alone."""
    target = tmp_path / "precious"
    target.write_text("precious")
    directory = machine.paths.sandbox(f"{PREFIX}-link")
    directory.mkdir(parents=True)
    (directory / "state.json").symlink_to(target)
    machine.kill()

    machine.start()

    assert "precious" == target.read_text()
    assert leaks(machine) == {}


def test_second_spawner_refuses(machine: Machine) -> None:
    """F-32: Two spawners never share a directory: the second ends at once."""
    environment = {**os.environ, "VITRINE_RUN": str(machine.paths.run)}
    command = [sys.executable, "-m", "runtime.spawner", "--foreground"]

    second = subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, timeout=15)

    assert second.returncode != 0
    assert machine.answers()


def helpers(machine: Machine) -> list[int]:
    """The spawner's network helper."""
    assert machine.process
    return [pid for pid in children(machine.process.pid) if b"container.network" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_a_lab_outlives_the_network_helper(machine: Machine) -> None:
    """A sandbox made after the helper was killed is on the same switch as its neighbours made before."""
    machine.create(NAME, lab=PREFIX, lab_index=0)
    for pid in helpers(machine):
        os.kill(pid, signal.SIGKILL)
        assert eventually(lambda pid=pid: is_gone(pid) or "(zombie)" in Path(f"/proc/{pid}/status").read_text())

    machine.create(f"{NAME}-late", lab=PREFIX, lab_index=1)

    ping = ["ping", "-c", "1", "-W", "5", "10.88.0.10"]
    assert 0 == machine.shim(f"{NAME}-late").exec(ping).code
    for name in (NAME, f"{NAME}-late"):
        machine.client.delete(name)
    assert leaks(machine) == {}


def test_two_nodes_may_use_the_same_id(machine: Machine) -> None:
    """Control groups are named after the run directory: neither node touches the other's sandbox."""
    with tempfile.TemporaryDirectory(prefix="vt-", dir="/run") as run, machine_in(Path(run), OTHER_BASE) as other:
        machine.create(NAME)
        other.create(NAME)

        other.client.delete(NAME)

        assert 0 == machine.shim(NAME).exec(["true"]).code
        assert leaks(other, "no-such-prefix") == {}
    machine.client.delete(NAME)
    assert leaks(machine) == {}
