"""The runtime on a host with control groups of version 2 alone: its own tests again, in a guest.

What a user's machine has, the machine that runs these tests may not have. The guest boots the kernel
that Debian ships, with every controller in one tree.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import needs
from tests.guest.boot import MODULES
from tests.guest.boot import run as run_in_guest

ROOT = Path(__file__).resolve().parents[2]
# What differs between the versions: groups, limits, delegation, births into a group, pause, kill, the pool.
TESTS = (
    "tests/runtime/linux",
    "tests/runtime/container",
    "tests/runtime/spawner/test_lifecycle.py",
    "tests/runtime/spawner/test_pool.py",
)
# A way out of a lab is no matter of control groups, and wants modules of the kernel that the guest does not load.
APART = "--ignore=tests/runtime/container/test_egress.py"
LEAST = 230
PLAIN = "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1"  # a plugin is read in a second each, where instructions are emulated

pytestmark = [pytest.mark.slow, needs.root, needs.image, needs.guest]


def test_a_command_of_the_guest_ends_as_it_ended():
    """The guest sees this machine's files, has version 2 alone, and gives the status of its command."""
    script = "[ $(stat -fc %T /sys/fs/cgroup) = cgroup2fs ] && exit 7"

    assert run_in_guest(["sh", "-c", script], memory=512, seconds=120) == 7


def test_the_runtime_holds_on_version_two():
    """The tests of births, limits, delegation and the pool pass with one tree of control groups."""
    pytest_command = [sys.executable, "-m", "pytest", "-q", "--color=no", "-p", "no:cacheprovider", APART, *TESTS]
    command = [sys.executable, "-m", "tests.guest", "--seconds", "540", "--", "env", PLAIN, *pytest_command]

    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-2000:]
    assert int(re.search(r"(\d+) passed", ended.stdout)[1]) >= LEAST


def test_every_module_the_guest_loads_is_in_its_kernel():
    """A kernel without one of them would stop at a black screen."""
    from runtime.paths import Paths
    from runtime.vm import initrd, kernel

    guest = kernel.find(Paths.from_environment().state / "kernels")

    assert initrd.with_dependencies(guest, MODULES)
