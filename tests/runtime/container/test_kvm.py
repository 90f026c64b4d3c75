"""/dev/kvm, whatever it is, gives one of four words in half a second."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from runtime.container import kvm
from tests import needs


def device(path: Path, mode: int, major: int = 10, minor: int = 232) -> str:
    """A node of our own; by default the real one's number."""
    os.mknod(path, stat.S_IFCHR, os.makedev(major, minor))
    path.chmod(mode)
    return str(path)


def test_the_one_here_answers_in_time() -> None:
    """The probe comes back whatever the device does; the word and the accelerator belong together."""
    begun = time.monotonic()
    verdict = kvm.probe()

    assert time.monotonic() - begun < 2 * kvm.LIFE
    assert verdict.word in kvm.WORDS and verdict.detail
    assert ("kvm" if verdict.word == kvm.WORKS else "tcg") == verdict.accelerator


def test_one_that_is_missing_is_absent(tmp_path: Path) -> None:
    """So is a node that no driver stands behind."""
    assert kvm.ABSENT == kvm.probe(str(tmp_path / "kvm")).word


@needs.root
def test_one_without_a_driver_is_absent(tmp_path: Path) -> None:
    """A number that nobody has taken."""
    assert kvm.ABSENT == kvm.probe(device(tmp_path / "kvm", 0o666, 239, 255)).word


@needs.root
def test_one_that_nobody_may_open_is_forbidden(tmp_path: Path) -> None:
    """Root could, and does not."""
    assert kvm.FORBIDDEN == kvm.probe(device(tmp_path / "kvm", 0o000)).word


@needs.root
@pytest.mark.parametrize(("major", "minor"), [(1, 3), (1, 7)])
def test_one_that_is_something_else_is_useless(tmp_path: Path, major: int, minor: int) -> None:
    """It opens, and runs no guest: /dev/null and /dev/full."""
    assert kvm.USELESS == kvm.probe(device(tmp_path / "kvm", 0o666, major, minor)).word
