"""A machine is used like any sandbox: commands, files, terminals, a laboratory's network."""

from __future__ import annotations

import os
import time

import pytest

from runtime.container import kvm
from runtime.errors import RefusedError, VitrineError
from tests.runtime.node import Terminal, needs_node, wait_until
from tests.runtime.vm.conftest import Guest

pytestmark = needs_node


def test_the_kernel_is_the_guests_own(vm: Guest, box: Guest) -> None:
    """The same image runs on the host's kernel as a container, and on its own as a machine."""
    assert os.uname().release == box.says("uname -r")
    assert os.uname().release != vm.says("uname -r")
    assert box.says("cat /etc/os-release") == vm.says("cat /etc/os-release")


def test_a_command_ends_as_it_ended(vm: Guest) -> None:
    """Exit status, standard output and standard error come back apart."""
    result = vm.run("echo out; echo err >&2; exit 7")

    assert (7, b"out\n", b"err\n") == (result.code, result.stdout, result.stderr)


def test_a_command_gets_what_it_was_given(vm: Guest) -> None:
    """Input, variables, directory and user reach the guest."""
    result = vm.run('cat; echo "$GIVEN"; pwd; id -un', stdin=b"typed\n", env={"GIVEN": "a 'b' c"}, cwd="/tmp", user="student")

    assert b"typed\na 'b' c\n/tmp\nstudent\n" == result.stdout


def test_a_command_may_ask_and_go_on(vm: Guest) -> None:
    """Standard input stays open for an answer to what the command wrote."""
    result = vm.run('echo question >&2; read -r answer; echo "got $answer"', reply=lambda text: b"answer\n")

    assert b"got answer\n" == result.stdout


def test_missing_programs_and_users(vm: Guest) -> None:
    """What is not there ends with a shell's 127, an unknown user with 126."""
    assert 127 == vm.shim.exec(["no-such-program"]).code
    assert 126 == vm.shim.exec(["true"], user="nobody-of-that-name").code


def test_a_lot_of_output_comes_whole(vm: Guest) -> None:
    """More than any buffer on the way holds."""
    result = vm.run("head -c 600000 /dev/zero | tr '\\0' x")

    assert 600000 == result.stdout.count(b"x")


def test_a_time_out_kills_inside_the_guest(vm: Guest) -> None:
    """A command that takes too long is gone from the guest, with all that it started."""
    result = vm.run("sleep 4321 & sleep 4322", timeout=0.5)

    assert result.timed_out
    wait_until(lambda: vm.run("pgrep -f 'sleep 432[12]'").code == 1)


def test_files_in_and_out(vm: Guest) -> None:
    """What is put is what is got."""
    vm.shim.put("/home/student/deep/file", b"\0binary\n", mode=0o640, uid=1000)

    assert b"\0binary\n" == vm.shim.get("/home/student/deep/file")
    assert "640 1000" == vm.says("stat -c '%a %u' /home/student/deep/file")


def test_a_terminal_has_the_size_of_its_viewer(vm: Guest) -> None:
    """At the start and after every change."""
    terminal = Terminal(vm.shim, n=2, cols=101, rows=33)
    terminal.until(b"# ")
    terminal.type("stty size\r")
    terminal.until(b"33 101")
    terminal.resize(60, 20)
    wait_until(lambda: vm.says("stty -F /dev/hvc1 size") == "20 60")
    terminal.type("exit 3\r")

    assert 3 == terminal.until_control("exit")["code"]
    terminal.close()


def test_control_c_ends_what_runs(vm: Guest) -> None:
    """At a console, though the shell that started all of it ignores the signal."""
    terminal = Terminal(vm.shim, n=4)
    terminal.until(b"# ")
    terminal.type("sleep 4323\r")
    wait_until(lambda: vm.run("pgrep -f 'sleep 432[3]'").code == 0)
    terminal.type("\x03exit 5\r")

    assert 5 == terminal.until_control("exit")["code"]
    terminal.close()


def test_there_are_four_consoles(vm: Guest) -> None:
    """A fifth terminal is refused in words."""
    terminal = Terminal(vm.shim, n=5)

    assert "terminals 1 to 4" in terminal.until_control("error")["message"]
    terminal.close()


def test_a_laboratory_has_no_way_out(vm: Guest) -> None:
    """What is not in it is not reached."""
    assert 0 != vm.run("ping -c 1 -W 1 192.0.2.1").code


def test_a_pause_stops_the_guest(spare: Guest) -> None:
    """Paused, it uses no processor, and commands are refused in words; resumed, it goes on where it was, by its clock too."""
    spawner = spare.node.spawner
    terminal = Terminal(spare.shim, n=2)
    terminal.until(b"# ")
    terminal.type("while :; do :; done\r")
    assert "paused" == spawner.pause(spare.id)["state"]["status"]
    with pytest.raises(RefusedError, match="is paused"):
        spare.says("true")
    before = spare.shim.state()["usage"]["cpu_us"]
    assert spare.shim.state()["usage"]["cpu_us"] == before

    assert "running" == spawner.resume(spare.id)["state"]["status"]
    wait_until(lambda: spare.shim.state()["usage"]["cpu_us"] > before)
    assert abs(int(spare.says("date +%s")) - time.time()) <= 2
    terminal.type("\x03exit 6\r")
    assert 6 == terminal.until_control("exit")["code"]
    terminal.close()


def test_the_state_says_how_it_is_run(vm: Guest) -> None:
    """Kernel, accelerator and the phases of the start, in the order they happen."""
    machine = vm.shim.state()["machine"]
    phases = machine["phases"]

    assert vm.says("uname -r") == machine["kernel"]
    assert (machine["accelerator"] == "kvm") == (machine["why"] == "works")
    assert machine["why"] in kvm.WORDS
    middle = ["restored"] if machine["restored"] else ["kernel", "init"]
    order = [phases[name] for name in ("supervisor", "qemu", *middle, "ready")]
    assert sorted(order) == order


def test_memory_too_small_for_a_kernel_is_refused(vm: Guest) -> None:
    """The least that a guest boots with is said."""
    with pytest.raises(VitrineError, match="96 MiB"):
        vm.node.spawner.create(id="too-small", image="linux", backend="vm", memory=64 << 20)


def test_two_machines_are_not_twins(vm: Guest, spare: Guest) -> None:
    """Clock, randomness and host name are each machine's own."""
    assert abs(int(vm.says("date +%s")) - int(spare.says("date +%s"))) < 30
    assert vm.says("head -c 16 /dev/urandom | od -x") != spare.says("head -c 16 /dev/urandom | od -x")
    assert ("vm", "box") == (vm.says("hostname"), spare.says("hostname"))
