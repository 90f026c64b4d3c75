"""Finding the trees of control groups, in the three arrangements that exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.linux import cgroups
from runtime.linux.cgroups import Cgroup, Hierarchy

UNIFIED = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n"
HYBRID = """\
31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
33 31 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,release_agent=/x,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
42 31 0:31 / /mnt/again rw - cgroup cgroup rw,memory
"""


def test_version_2():
    """Version 2 alone is one tree."""
    assert [Hierarchy(Path("/sys/fs/cgroup"), "", True)] == cgroups.hierarchies(UNIFIED)


def test_hybrid():
    """On a hybrid host every tree is found once, the nameless ones too, by what mounts it again inside."""
    found = cgroups.hierarchies(HYBRID)

    assert ["cpu,cpuacct", "memory", "name=systemd", ""] == [tree.options for tree in found]
    assert [False, False, False, True] == [tree.unified for tree in found]


@pytest.fixture
def group(tmp_path):
    """A group of version 1 in ordinary files."""
    tree = Hierarchy(tmp_path, "pids", False)
    return Cgroup("a", [tree])


def test_limits_are_written_where_the_file_is(group, tmp_path):
    """A limit goes to the controller's own file; controllers that are absent are left out."""
    group.create()
    path = tmp_path / "vitrine" / "a"
    (path / "pids.max").touch()
    group.limit(1 << 20, 1.0, 42)

    assert "42" == (path / "pids.max").read_text()


def test_remove_is_repeatable(group, tmp_path):
    """Groups below a group go first, and removing again is no error."""
    group.create()
    (tmp_path / "vitrine" / "a" / "below" / "deeper").mkdir(parents=True)

    group.remove()
    group.remove()

    assert [] == list((tmp_path / "vitrine").iterdir())
