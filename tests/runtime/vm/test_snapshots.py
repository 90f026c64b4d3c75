"""A machine that begins with the state of another is its own all the same; what cannot be used is not tried twice."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.errors import RefusedError
from runtime.paths import Paths
from runtime.vm import snapshots
from tests.runtime.node import Node, Terminal, needs_node, wait_until
from tests.runtime.vm.conftest import Guest

FRESH = "head -c 16 /dev/urandom | od -An -tx8; cat /proc/sys/kernel/random/boot_id /etc/machine-id"


@contextlib.contextmanager
def machine(node: Node, **request: object) -> Iterator[Guest]:
    """A machine that has come up."""
    with node.sandbox(backend="vm", **request) as identifier:
        guest = Guest(node, identifier)
        guest.says("true")
        yield guest


@pytest.fixture(scope="module")
def state() -> Iterator[Path]:
    """A state of our own: images, kernels and disks are the real ones, snapshots and what is known of the host are not.
    It lies beside the real one, because a room has hard links to kernel and disk."""
    real = Paths.from_environment().state
    with tempfile.TemporaryDirectory(prefix="test-", dir=real) as name:
        ours = Path(name)
        (ours / "machines").mkdir(mode=0o711)
        ours.chmod(0o711)
        for part in ("images", "kernels", "machines/disks"):
            (ours / part).symlink_to(real / part)
        yield ours


@pytest.fixture(scope="module")
def own(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node on that state."""
    node = Node(tmp_path_factory.mktemp("node"))
    node.environment["VITRINE_STATE"] = str(state)
    node.paths = Paths(state, node.run)
    node.start()
    yield node
    node.stop()


def kept(state: Path) -> list[Path]:
    return sorted((state / "machines/snapshots").glob("*"))


@needs_node
def test_the_first_boots_and_the_next_do_not(own: Node, state: Path) -> None:
    """The state says which; what is each machine's own differs, and the clock is right, from the first command on."""
    with machine(own) as first:
        facts = first.shim.state()["machine"]
        assert not facts["restored"]
        assert {"kernel", "init", "saved"} <= set(facts["phases"])
    wait_until(lambda: len(kept(state)) == 1)

    with machine(own) as one, machine(own) as other:
        said = [guest.says(FRESH).splitlines() for guest in (one, other)]
        facts = one.shim.state()["machine"]
        clock = int(one.says("date +%s"))

        assert facts["restored"] and other.shim.state()["machine"]["restored"]
        assert "restored" in facts["phases"] and "init" not in facts["phases"]
        assert all(mine != others for mine, others in zip(*said, strict=True))
        assert abs(clock - time.time()) <= 2


@pytest.mark.nightly
@needs_node
def test_a_card_and_a_name_are_the_machines_own(own: Node, state: Path) -> None:
    """Two machines of one kind in one laboratory: addresses, names and the shell's prompt."""
    hosts = {"one": "10.88.0.10", "two": "10.88.0.11"}
    with machine(own, net="lab", lab="twins", lab_index=0, hostname="one", hosts=hosts) as one:
        assert "10.88.0.10/24" in one.says("ip -4 addr show eth0")
        wait_until(lambda: len(kept(state)) == 2)
        with machine(own, net="lab", lab="twins", lab_index=1, hostname="one", hosts=hosts) as two:
            assert two.shim.state()["machine"]["restored"]
            assert "52:54:0a:58:00:0b" in two.says("cat /sys/class/net/eth0/address")
            assert 0 == two.run("ping -c 1 -W 5 10.88.0.10").code
            assert two.says("cat /etc/hosts").count("two") == 1


@needs_node
def test_the_shell_that_waits_is_handed_out(own: Node) -> None:
    """Terminal 1 of root's is at its prompt, and has the size of who opens it; another user gets his own shell."""
    with machine(own) as guest:
        terminal = Terminal(guest.shim, cols=97, rows=31)
        terminal.until(b"# ")
        terminal.type("stty size; echo $SHLVL-$PPID; exit 3\r")
        terminal.until(b"31 97")
        assert 3 == terminal.until_control("exit")["code"]
        terminal.close()
    with machine(own) as guest:
        terminal = Terminal(guest.shim, user="student")
        terminal.until(b"$ ")
        terminal.type("id -un; exit 4\r")
        terminal.until(b"\rstudent\r")
        assert b"# " not in terminal.seen
        assert 4 == terminal.until_control("exit")["code"]
        terminal.close()


@needs_node
def test_a_state_that_is_broken_is_thrown_away(own: Node, state: Path) -> None:
    """The machine boots, the file goes, and the next boot leaves another."""
    with machine(own):
        wait_until(lambda: len(kept(state)) > 0)
    files = kept(state)
    for file in files:
        file.chmod(0o600)
        file.write_bytes(file.read_bytes()[:100_000])

    with machine(own) as guest:
        assert not guest.shim.state()["machine"]["restored"]
        assert len(kept(state)) == len(files) - 1
    with machine(own) as guest:
        assert not guest.shim.state()["machine"]["restored"]
        wait_until(lambda: len(kept(state)) == len(files))


@needs_node
def test_kvm_that_passed_the_trial_and_runs_nothing(own: Node, state: Path) -> None:
    """The machine comes up in emulation, says so, and nobody waits for that a second time."""
    record = state / "machine-host.json"
    known = json.loads(record.read_text())
    record.write_text(json.dumps(known | {"accelerator": "kvm", "why": "works"}))

    with machine(own) as guest:
        facts = guest.shim.state()["machine"]
        assert (facts["accelerator"], facts["why"]) in (("tcg", "useless"), ("kvm", "works"))
        device = Path(f"/proc/{guest.qemu}/root/dev/kvm").stat()
        base = int(guest.shim.state()["state"]["uid_base"])
        assert (0o600, base + 1000) == (device.st_mode & 0o777, device.st_uid)
    assert facts["why"] == json.loads(record.read_text())["why"]


@pytest.mark.nightly
@needs_node
def test_many_restored_at_once_all_come_up(own: Node, state: Path) -> None:
    """Twenty on a few processors take their time, and none is thought broken for it."""
    with machine(own):
        wait_until(lambda: len(kept(state)) > 0)
    files = kept(state)
    with contextlib.ExitStack() as stack:
        names = [stack.enter_context(own.sandbox(backend="vm")) for _ in range(20)]
        guests = [Guest(own, name) for name in names]

        assert 1 == len({guest.says("uname -r") for guest in guests})
        assert all(guest.shim.state()["machine"]["restored"] for guest in guests)
    assert files == kept(state)


def test_no_more_than_a_few_are_kept(tmp_path: Path) -> None:
    """The least used go first."""
    for number in range(snapshots.MOST + 3):
        (tmp_path / str(number)).touch()
        os.utime(tmp_path / str(number), (number, number))
    snapshots.prune(tmp_path)

    assert {str(number) for number in range(3, snapshots.MOST + 3)} == set(os.listdir(tmp_path))


def test_what_can_still_be_written_has_no_name(tmp_path: Path) -> None:
    """A draft is kept once its writer has gone, and nobody can write to it afterwards by its name's mode."""
    file = tmp_path / "snapshots" / "one"
    writer, reader = snapshots.draft(file)
    os.write(writer, b"state")

    assert not snapshots.keep(reader, file) and not file.exists()
    os.close(writer)
    assert snapshots.keep(reader, file) and b"state" == file.read_bytes()
    assert 0o400 == file.stat().st_mode & 0o777
    os.close(reader)


def test_what_differs_has_another_name(tmp_path: Path) -> None:
    """Layers, command, host name and cable are all in it."""
    paths, layers = Paths(tmp_path, tmp_path), [tmp_path / "a", tmp_path / "room"]
    names = {
        snapshots.find(paths, layers, ("x",), "box", cable=False),
        snapshots.find(paths, layers[1:], ("x",), "box", cable=False),
        snapshots.find(paths, layers, ("y",), "box", cable=False),
        snapshots.find(paths, layers, ("x",), "vm", cable=False),
        snapshots.find(paths, layers, ("x",), "box", cable=True),
    }

    assert 5 == len(names) and all(name.name.startswith("room-") for name in names)


def test_a_wrong_setting_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what it may be."""
    monkeypatch.setenv(snapshots.SETTING, "yes")

    with pytest.raises(RefusedError, match="neither 0 nor 1"):
        snapshots.wanted()
