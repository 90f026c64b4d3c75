"""Volumes, /dev/log and the view of control groups: what container tools inside stand on."""

from __future__ import annotations

import pytest

from tests import needs

pytestmark = [needs.root, needs.image, needs.cgroups]

OVERLAY = "mkdir -p {0}/u {0}/w {0}/m && mount -t overlay o -o userxattr,lowerdir=/usr/bin,upperdir={0}/u,workdir={0}/w {0}/m"


@pytest.fixture
def guest(make):
    return make(volumes=["/etc-like", "/usr/share", "/var/lib/store"], disk_bytes=32 << 20)


def test_an_overlay_stands_on_a_volume_only(guest):
    """overlayfs refuses the root overlay as its upper layer, and takes a volume."""
    assert 0 != guest.run("/bin/sh", "-c", OVERLAY.format("/root"))["status"]
    assert 0 == guest.run("/bin/sh", "-c", OVERLAY.format("/var/lib/store"))["status"]


def test_a_volume_is_part_of_the_disk(guest):
    """One limit holds for both: what fills the volume fills the root."""
    guest.sh("head -c 60000000 /dev/zero >/var/lib/store/big 2>/dev/null")

    assert guest.sh("df --output=size,used /var/lib/store | tail -1") == guest.sh("df --output=size,used / | tail -1")
    assert "" != guest.sh("head -c 100000 /dev/zero 2>&1 >/root/more || echo full")


def test_a_volume_hides_no_file(guest):
    """A place with files in the image stays as it is; an empty one, or a new one, is mounted."""
    mounted = guest.sh("grep -o ' /usr/share \\| /var/lib/store \\| /etc-like ' /proc/self/mountinfo | sort").split()

    assert ["/etc-like", "/var/lib/store"] == sorted(set(mounted))
    assert "man" in guest.sh("ls /usr/share").split()


def test_a_volume_belongs_to_root_inside(guest):
    """So root inside may give it away."""
    assert "root" == guest.sh("stat -c %U /var/lib/store")
    assert "student" == guest.sh("chown student /var/lib/store && stat -c %U /var/lib/store")


def test_the_log_takes_everything_and_keeps_nothing(nested):
    """Nobody reads /dev/log, and yet no writer waits: many more messages than a queue holds go through."""
    script = (
        "import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.connect('/dev/log'); s.settimeout(2); "
        "print(sum(s.send(b'x' * 100) for _ in range(10000)))"
    )

    assert "1000000" == nested.sh(f'python3 -c "{script}"')


def test_control_groups_of_one_version_are_seen(nested):
    """Container tools refuse a mixed view; the guest sees version 2 alone, or version 1's trees alone."""
    kinds = set(nested.sh("grep -o ' - cgroup2\\? ' /proc/self/mountinfo | sort -u").split()) - {"-"}

    assert 1 == len(kinds)


def test_groups_may_be_made_with_limits(nested):
    """In the guest's own groups the controllers work: nested limits are real."""
    script = (
        "cd /sys/fs/cgroup; [ -d pids ] && cd pids; mkdir g && echo 7 >g/pids.max && cat g/pids.max && "
        "sh -c 'echo $$ >g/cgroup.procs && grep -c g /proc/self/cgroup'; rmdir g"
    )

    assert "7" == nested.sh(script).split()[0]
