"""What processes inside carry with them (E-31 to E-37, and the rules on init)."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.errors import RuntimeRefused
from tests.runtime.security.victim import Victim

FIELDS = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "Seccomp", "NoNewPrivs"]
CAP_SYS_RESOURCE = 24


def fields(text: str) -> dict[str, str]:
    """Some fields of a /proc/PID/status."""
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {name: value.strip() for name, value in pairs if name in FIELDS}


def test_init_has_only_null(victim: Victim) -> None:
    """E-31: init holds descriptors 0 to 2, and they are /dev/null."""
    links = [path.readlink() for path in Path(f"/proc/{victim.state['pid']}/fd").iterdir()]

    assert [Path("/dev/null")] * 3 == links


def test_command_has_only_its_own_descriptors(victim: Victim) -> None:
    """E-32: a command gets 0 to 2 and nothing more."""
    assert ["0", "1", "2"] == victim.output("sh -c 'ls /proc/$$/fd; true'").split()


@pytest.mark.parametrize("number", range(3, 12))
def test_working_directory_trick(victim: Victim, number: int) -> None:
    """E-33: a working directory outside the root is refused."""
    try:
        result = victim.shim.exec(["cat", "etc/hostname"], cwd=f"/proc/self/fd/{number}")
    except RuntimeRefused:
        return

    assert result.code != 0


def test_init_cannot_be_overwritten(victim: Victim) -> None:
    """E-34: the program of pid 1 is sealed."""
    assert victim.run(": >> /proc/1/exe").code != 0


def test_init_has_no_environment(victim: Victim) -> None:
    """E-35: init's environment is empty, and its command line tells nothing."""
    assert "0" == victim.output("wc -c < /proc/1/environ")
    assert victim.output("tr '\\0' ' ' < /proc/1/cmdline").split() in ([], ["init"], ["/init"])
    assert "init" == victim.output("cat /proc/1/comm")


def test_init_memory_holds_no_secret(victim: Victim) -> None:
    """E-35: pid 1 is small: nothing of the runtime's memory came along."""
    size = victim.output("awk '/VmSize/ {print $2}' /proc/1/status")

    assert int(size) < 1024


def test_no_unmapped_process(victim: Victim) -> None:
    """E-36: no process inside has an id that is not mapped."""
    assert "" == victim.output("grep -h ^Uid: /proc/[0-9]*/status | grep -w 65534")


def test_same_fences_for_all(victim: Victim) -> None:
    """E-37: a command has the capabilities, the seccomp filter and the flags that init has."""
    init, command = (fields(victim.output(f"cat /proc/{who}/status")) for who in ("1", "self"))

    assert init == command
    assert "2" == command["Seccomp"]


def test_strict_fences(strict: Victim) -> None:
    """The strict profile sets no_new_privs, for init and for commands."""
    init, command = (fields(strict.output(f"cat /proc/{who}/status")) for who in ("1", "self"))

    assert init == command
    assert ("2", "1") == (command["Seccomp"], command["NoNewPrivs"])


def test_no_sys_resource(victim: Victim) -> None:
    """Rule 2: CAP_SYS_RESOURCE is not even in the bounding set, so that namespace limits hold."""
    bounding = int(fields(victim.output("cat /proc/self/status"))["CapBnd"], 16)

    assert not bounding >> CAP_SYS_RESOURCE & 1


def test_namespace_limits_hold(victim: Victim) -> None:
    """Rule 2: the bound on nested namespaces cannot be raised."""
    before = victim.output("cat /proc/sys/user/max_net_namespaces")
    victim.run("echo 100000 > /proc/sys/user/max_net_namespaces")

    assert before == victim.output("cat /proc/sys/user/max_net_namespaces")
    assert int(before) <= 1024


def test_process_limit_holds(neighbour: Victim) -> None:
    """Rule 3: a fork bomb ends at the sandbox's own limit, and the sandbox still answers."""
    neighbour.run("(for i in $(seq 400); do sleep 5 & done) 2>/dev/null; killall sleep; true")

    assert "alive" == neighbour.shim.exec(["echo", "alive"], timeout=30).stdout.decode().strip()


def test_own_user_owns_the_user_namespace(victim: Victim) -> None:
    """Rule 1: init's host uid is the base of the range, not root."""
    status = Path(f"/proc/{victim.state['pid']}/status").read_text()
    uid = int(status.split("Uid:")[1].split()[0])

    assert uid == int(Path(f"/proc/{victim.state['pid']}/uid_map").read_text().split()[1])


def test_host_write_through_symlink(victim: Victim, tmp_path: Path) -> None:
    """E-47: a file put into the sandbox follows symlinks inside the sandbox, never on the host."""
    canary = tmp_path / "canary"
    canary.write_text("untouched")
    victim.run(f"mkdir -p {tmp_path} && ln -sfn {canary} /root/upload")

    try:
        victim.shim.put("/root/upload", b"overwritten")
    except RuntimeRefused:
        pass

    assert "untouched" == canary.read_text()


def test_host_read_through_symlink(victim: Victim, tmp_path: Path) -> None:
    """E-48: a file read from the sandbox is the sandbox's own."""
    secret = tmp_path / "secret"
    secret.write_text("of the host")
    victim.run(f"ln -sfn {secret} /root/answer")

    try:
        data = victim.shim.get("/root/answer")
    except RuntimeRefused:
        return

    assert b"of the host" != data


def test_output_is_capped(victim: Victim) -> None:
    """E-49: a command that prints without end is cut off at the limit."""
    result = victim.shim.exec(["yes"], timeout=3, limit=65536)

    assert len(result.stdout) <= 65536
    assert result.truncated or result.timed_out


def test_no_socket_of_the_host(victim: Victim) -> None:
    """E-51: there is no socket of the host's in the tree."""
    assert "" == victim.output("find / -xdev -type s 2>/dev/null")


def test_nested_works(victim: Victim) -> None:
    """E-55: under all these fences students can still make namespaces of every kind."""
    script = "unshare -Urmpfiun --mount-proc sh -c 'hostname inner; mount -t tmpfs t /mnt; hostname; ls /proc | grep -c ^[0-9]'"

    assert "inner" == victim.output(script).splitlines()[0]


def test_sudo_works(victim: Victim) -> None:
    """The nested profile leaves setuid programs working."""
    result = victim.shim.exec(["sudo", "-n", "id", "-u"], user="student")

    assert b"0" == result.stdout.strip()


def test_no_signal_is_ignored(victim: Victim) -> None:
    """A command starts with no signal ignored: an ignored SIGINT survives execve, and Ctrl-C would be dead."""
    ignored = int(victim.output("awk '/SigIgn/ {print $2}' /proc/self/status"), 16)

    assert 0 == ignored
