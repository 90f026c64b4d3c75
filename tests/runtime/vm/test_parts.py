"""The parts of a machine that need no machine to be looked at."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
from pathlib import Path

import pytest

from runtime.errors import NotFoundError, VitrineError
from runtime.vm import client, host, initrd, kernel, machine, programs, qemu, wires
from tests import needs

MACHINE = qemu.Machine("/k", "/i", "/d", counter_khz=2_000_000)


def said(text: bytes) -> list[wires.Said]:
    return wires.Lines().feed(text)


def test_lines_come_whole_however_they_are_cut() -> None:
    """A line is understood once, when its end has come."""
    lines = wires.Lines()

    assert [] == lines.feed(b"done 7")
    assert [wires.Said("done", ("7", "3"))] == lines.feed(b" 3\nout")


def test_a_line_without_end_is_dropped() -> None:
    """A guest cannot fill our memory with one line; the next is understood again."""
    lines = wires.Lines()
    for _ in range(4):
        lines.feed(b"x" * wires.LONGEST)

    assert ["done"] == [one.verb for one in lines.feed(b"xx\ndone 1 0\n")]


@pytest.mark.parametrize("text", [b"done x y\n", b"done\n", b"done 99999999999 300\n", b"\xff\xfe\n"])
def test_nonsense_is_no_number(text: bytes) -> None:
    """What a guest writes is never believed to be a number that it is not."""
    (one,) = said(text)

    assert (None, 255) == (one.number, one.status)


def test_output_that_is_no_base64_is_nothing() -> None:
    """And what is, is bytes."""
    assert (b"", b"hi") == (said(b"out 1 %%%\n")[0].data, said(b"out 1 aGk=\n")[0].data)


def test_a_machine_is_reached_by_descriptors_only() -> None:
    """The command line names no socket, no port and no display."""
    words = qemu.argv(MACHINE, qemu.Ends((3, 4), 5, 6, tap=7))

    assert "tap,id=lab,fd=7" in words and "none" in words
    assert all("fd=" in word for word in words if word.startswith("socket,"))
    assert "tsc_early_khz=2000000" in words[words.index("-append") + 1]


def test_a_machine_without_a_cable_has_a_card() -> None:
    """Nothing is plugged into it."""
    words = qemu.argv(MACHINE, qemu.Ends((3,), 4, 5))

    assert "virtio-net-device" in words and "-netdev" not in words


def test_a_card_has_an_address_for_each_lab_address() -> None:
    """Locally administered, and different for different machines."""
    assert "52:54:0a:58:00:0b" == machine.mac("10.88.0.11/24")


def test_what_the_host_gives_comes_with_the_first_message() -> None:
    """Names and descriptors belong together."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        text = host.message("vm", 1.5, "10.88.0.11/24", {"box": "10.88.0.10"}, ["tap"])
        socket.send_fds(ours, [text], [0])
        given = host.Host.on(theirs.fileno())
        given.tell(ended="why")

        assert ("vm", 1.5, "10.88.0.11/24") == (given.hostname, given.asked, given.address)
        assert {"ended": "why"} == json.loads(ours.recv(100))
        assert given.channel is not None
        given.channel.close()
        os.close(given.fds["tap"])


def test_a_command_is_quoted_for_the_guests_shell() -> None:
    """Directory, variables and words arrive as they were."""
    wanted = {"args": ["echo", "a 'b'"], "cwd": "/tmp/x y", "env": {"A": "1 2"}}
    script = said(b"out 1 " + client.script(wanted).encode() + b"\n")[0].data

    assert b"""cd '/tmp/x y' || exit 126; exec env 'A=1 2' echo 'a '"'"'b'"'"''""" == script


def test_an_archive_is_a_cpio_that_ends() -> None:
    """Magic, name, content, padding to four, and the trailer."""
    archive = initrd.Archive()
    archive.add("init", 0o100755, b"hello")
    data = archive.finished()

    assert data.startswith(initrd.MAGIC) and b"init\0" in data and b"hello\0\0\0" in data
    assert 0 == len(data) % 4 and b"TRAILER!!!" in data


def test_the_program_that_heeds_signals_again(tmp_path: Path) -> None:
    """What a shell starts with `&` ignores SIGINT and SIGQUIT; started by ours, it does not."""
    ours = tmp_path / "attentive"
    ours.write_bytes(programs.files()["attentive"])
    ours.chmod(0o755)

    def ignored(*before: str) -> str:
        command = f"{shlex.join([*before, 'grep', 'SigIgn', '/proc/self/status'])} & wait"
        return subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True).stdout.split()[1]

    assert 0b110 == int(ignored("/usr/bin/env"), 16) & 0b110
    assert 0 == int(ignored(str(ours), "/usr/bin/env"), 16) & 0b110
    assert 127 == subprocess.run([ours, "/no/such/program"]).returncode


@needs.root
def test_the_program_that_sets_the_clock(tmp_path: Path) -> None:
    """To the nanosecond it is given, which strace(1) shows; root of a user namespace may set none, and no generator begins anew."""
    ours = tmp_path / "fresh"
    ours.write_bytes(programs.files()["fresh"])
    ours.chmod(0o755)
    command = ["unshare", "-Ur", "strace", str(ours), "1700000000123456789"]
    traced = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)

    assert "clock_settime(CLOCK_REALTIME, {tv_sec=1700000000, tv_nsec=123456789})" in traced.stderr
    assert "RNDRESEEDCRNG" in traced.stderr and traced.returncode


def test_a_missing_kernel_says_how_to_get_one(tmp_path: Path) -> None:
    """By the command that bootstrap runs."""
    with pytest.raises(NotFoundError, match=r"runtime\.vm\.kernel"):
        kernel.find(tmp_path)


def test_a_compression_nobody_knows_is_named() -> None:
    """An image that is no bzImage is taken as it is; one that cannot be unpacked is refused."""
    assert b"\x7fELF" == kernel.uncompressed(b"\x7fELF")
    image = bytearray(4096)
    image[kernel.SETUP_MAGIC_AT : kernel.SETUP_MAGIC_AT + 4] = kernel.SETUP_MAGIC
    image[kernel.PAYLOAD_AT + 4] = 64

    with pytest.raises(VitrineError, match="compressed in a way"):
        kernel.uncompressed(bytes(image))
