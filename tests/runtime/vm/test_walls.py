"""What a hostile guest, or a QEMU that it has taken over, does not reach; and how a machine ends."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from runtime.vm import qemu
from tests.runtime.node import Terminal, needs_node, wait_until
from tests.runtime.vm.conftest import Guest

pytestmark = needs_node


def status(pid: int) -> dict[str, str]:
    """/proc/PID/status as a mapping."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def command_line(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


def resident(guest: Guest) -> int:
    """Bytes of all processes of the sandbox that are in memory."""
    return int(guest.shim.state()["usage"]["memory_bytes"])


def stopped(guest: Guest) -> bool:
    return bool(guest.shim.state()["state"]["status"] == "stopped")


def test_qemu_is_nobody(vm: Guest) -> None:
    """V-01: QEMU has an id of the sandbox's own range, no capability, no way to one, and two filters."""
    base = int(vm.shim.state()["state"]["uid_base"])
    facts = status(vm.qemu)

    assert {str(base + qemu.USER)} == set(facts["Uid"].split())
    assert ("0" * 16, "1", "2") == (facts["CapEff"], facts["NoNewPrivs"], facts["Seccomp"])
    assert int(facts["Seccomp_filters"]) >= 2
    assert qemu.SANDBOX in command_line(vm.qemu)


def test_qemu_sees_its_room_only(vm: Guest) -> None:
    """V-02: its root directory is the room, and its network namespace holds nothing but `lo`."""
    root = Path(f"/proc/{vm.qemu}/root")

    assert {"disk", "initrd", "runtime", "vmlinux"} == set(os.listdir(root / "guest")) - {"README"}
    assert not (root / "var/lib/vitrine").exists()
    devices = Path(f"/proc/{vm.qemu}/net/dev").read_text().splitlines()[2:]
    assert ["lo"] == [line.partition(":")[0].strip() for line in devices]
    assert (root / "dev/kvm").exists() == (vm.shim.state()["machine"]["accelerator"] == "kvm")
    assert not (root / "dev/net").exists()


def test_the_monitor_has_no_name(vm: Guest) -> None:
    """V-03: monitor, consoles and agent are descriptors: no path, no port, no display."""
    words = command_line(vm.qemu)

    assert [] == [word for word in words if word.startswith(("tcp:", "unix:", "vnc", "-vnc", "-gdb"))]
    assert all("fd=" in word for word in words if word.startswith("socket,"))
    listening = Path(f"/proc/{vm.qemu}/net/tcp").read_text().splitlines()[1:]
    assert [] == [line for line in listening if line.split()[3] == "0A"]


def test_the_disk_is_raw_and_read_only(vm: Guest) -> None:
    """V-04: no format is guessed, so no backing file can be named by what the disk holds."""
    drive = next(word for word in command_line(vm.qemu) if word.startswith("if=none"))

    assert ",format=raw," in drive and ",readonly=on," in drive
    assert 0 != vm.run("dd if=/dev/zero of=/dev/vda bs=512 count=1").code


def test_what_a_guest_writes_is_bounded(spare: Guest) -> None:
    """V-05: a full disk is the guest's own affair: it is in its memory."""
    before = os.statvfs("/")
    result = spare.run("head -c 500M /dev/zero >/root/bomb", timeout=20)

    assert result.code != 0 and not result.timed_out
    assert 0 == spare.run("rm -f /root/bomb && echo still here").code
    assert before.f_bavail - os.statvfs("/").f_bavail < (64 << 20) / before.f_frsize


def test_limits_hold_qemu_and_all(spare: Guest) -> None:
    """V-06: the control group's memory is the guest's and a little; a guest that uses all lives on."""
    spare.run("head -c 300M /dev/zero | tail -c 300M >/dev/null", timeout=20)

    assert int(spare.shim.state()["usage"]["memory_peak_bytes"]) <= (128 + 160) << 20
    assert "alive" == spare.says("echo alive")


def test_no_way_to_the_hosts_loopback(vm: Guest) -> None:
    """V-07: there is no user-mode network, and no route out of the laboratory."""
    words = command_line(vm.qemu)

    assert [] == [word for word in words if "user," in word or "hostfwd" in word]
    assert 0 != vm.run("ping -c 1 -W 1 10.0.2.2").code
    assert ["10.88.0.0/24"] == [line.split()[0] for line in vm.says("ip route").splitlines()]


def test_a_flooded_console_holds_the_guest_up(vm: Guest) -> None:
    """V-08: nobody reads, so the guest waits; our memory stays, and the machine still answers."""
    terminal = Terminal(vm.shim, n=3, ack=False)
    terminal.until(b"# ")
    terminal.type("yes $(head -c 900 /dev/zero | tr '\\0' x)\r")
    wait_until(lambda: terminal.read() and len(terminal.seen) > 20_000)
    before = resident(vm)
    assert "alive" == vm.says("sleep 1; echo alive")

    assert resident(vm) - before < 24 << 20
    terminal.ack = True
    terminal.send_ack()
    terminal.type("\x03exit 0\r")
    terminal.until_control("exit")
    terminal.close()


def test_restart_ends_the_machine(spare: Guest) -> None:
    """V-09: a machine runs once: `reboot -f` stops the sandbox, and its terminals say why."""
    terminal = Terminal(spare.shim)
    terminal.until(b"# ")
    terminal.type("reboot\r")

    terminal.until(b"the machine has ended: it restarted")
    wait_until(lambda: stopped(spare))
    assert "machine" == spare.shim.state()["exit"]["reason"]
    terminal.close()


def test_panic_ends_the_machine(spare: Guest) -> None:
    """V-09: so does a kernel that panics."""
    spare.run("echo c >/proc/sysrq-trigger", timeout=5)

    wait_until(lambda: stopped(spare))
    assert "panicked" in spare.shim.state()["machine"]["ended"]


def test_a_killed_qemu_ends_the_sandbox(spare: Guest) -> None:
    """Whoever kills QEMU has killed the machine, and is named."""
    os.kill(spare.qemu, signal.SIGKILL)

    wait_until(lambda: stopped(spare))
    assert "QEMU was killed by signal 9" == spare.shim.state()["machine"]["ended"]


def test_nothing_is_left(node, lab: str) -> None:  # type: ignore[no-untyped-def]
    """A machine that was removed leaves no process, no group, no mount, no lease."""
    with node.sandbox(backend="vm", net="lab", lab=lab, lab_index=7) as identifier:
        guest = Guest(node, identifier)
        guest.says("true")
        pid = guest.qemu

    wait_until(lambda: not Path(f"/proc/{pid}").exists())
    assert [] == node.traces(identifier)
