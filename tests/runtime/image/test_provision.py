"""A recipe's script works inside the tree and reaches nothing outside of it."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pytest

from runtime.errors import VitrineError
from runtime.image.provision import provision
from tests import needs

pytestmark = [needs.root, pytest.mark.skipif(not Path("/bin/busybox").exists() and not needs.MUST, reason="needs busybox-static")]


@pytest.fixture
def tree(tmp_path):
    """The smallest tree that has a shell."""
    root = tmp_path / "tree"
    for name in ("bin", "proc", "sys", "dev", "run", "tmp"):
        (root / name).mkdir(parents=True)
    shutil.copy("/bin/busybox", root / "bin/busybox")
    (root / "bin/sh").symlink_to("busybox")
    return root


@pytest.fixture
def play(tree, tmp_path):
    """Run a script in the tree; what it wrote to /out."""

    def run(text: str) -> str:
        script = tmp_path / "provision"
        script.write_text("PATH=/bin; bb=busybox\n" + text)
        provision(tree, script)
        return (tree / "out").read_text() if (tree / "out").exists() else ""

    return run


def test_it_fills_the_tree(play, tree):
    """Files it makes are owned as the tree's others; what is mounted for it leaves no trace."""
    play("echo made >/out; busybox chown 33:33 /out; echo x >/run/x; echo x >/tmp/x")

    info = os.stat(tree / "out")
    assert (33, 33) == (info.st_uid, info.st_gid)
    assert [] == os.listdir(tree / "run") + os.listdir(tree / "tmp") + os.listdir(tree / "proc") + os.listdir(tree / "dev")


def test_it_sees_the_tree_only(play, tmp_path):
    """No file, process or network of the host."""
    (tmp_path / "secret").write_text("x")
    said = play(f"$bb ls {tmp_path} 2>/dev/null >>/out; $bb ls /proc | $bb grep -c '^[0-9]' >>/out; $bb ls /sys/class/net >>/out")

    count, *devices = said.split()
    assert int(count) < 6
    assert {"lo"} == {name for name in devices if name not in ("sit0", "ip6tnl0", "tunl0")}


@pytest.mark.parametrize(
    "act",
    [
        "$bb mknod /disk b 254 0",
        "$bb mount -t devtmpfs x /tmp",
        "$bb cat /proc/sys/kernel/panic >/proc/sys/kernel/panic",
        "$bb chroot /proc/1/root/../.. $bb test -e /work",
        "$bb dmesg -c | $bb grep .",
    ],
)
def test_its_root_is_nobody_outside(play, act):
    """What only the host's root may do is refused to it."""
    assert "refused" in play(f"({act}) 2>/dev/null && echo done >/out || echo refused >/out")


def test_the_hosts_name_stays(play):
    """A name it sets is its own."""
    before = socket.gethostname()
    play("$bb hostname somebody-else")

    assert before == socket.gethostname()


def test_a_failure_says_why(play):
    """The script's last words are the error."""
    with pytest.raises(VitrineError, match="status 3: no such luck"):
        play("echo no such luck; exit 3")
