"""What a test needs of the machine it runs on, said as a mark: it skips with the reason.

On the build machine nothing may be missing: there `tests/strict.py` makes a failure of a skip.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from runtime.errors import VitrineError
from runtime.image.store import Image, Store
from runtime.linux.cgroups import Cgroup
from runtime.paths import Paths

ROOT = Path(__file__).resolve().parents[1]


def controller(name: str) -> pytest.MarkDecorator:
    """A controller of control groups that is mounted somewhere."""
    return _mark(Cgroup("needs").controller(name) is not None, f"the {name} controller")


def program(name: str) -> pytest.MarkDecorator:
    """A program that bootstrap --dev installs."""
    return _mark(shutil.which(name) is not None, f"{name} (script/bootstrap --dev)")


def _guest() -> bool:
    state = Paths.from_environment().state
    return shutil.which("qemu-system-x86_64") is not None and any((state / "kernels").glob("*/vmlinux"))


def _mark(have: bool, reason: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not have, reason=f"needs {reason}")


def linux_image() -> Image | None:
    """The image that bootstrap builds, if it is there."""
    try:
        return Store(Paths.from_environment().images).lookup("linux")
    except (VitrineError, OSError, ValueError):
        return None


root = _mark(os.geteuid() == 0, "root")
image = _mark(linux_image() is not None, "the linux image: script/bootstrap builds it")
cgroups = _mark(os.access("/sys/fs/cgroup", os.W_OK) and Path("/sys/fs/cgroup").is_dir(), "writable control groups")
nested_stores = _mark(
    tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2]) >= (6, 6),
    "Linux 6.6, whose tmpfs keeps attributes",
)
guest = _mark(_guest(), "QEMU and a guest's kernel (script/bootstrap --dev, on x86_64)")
