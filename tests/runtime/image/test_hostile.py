"""A stranger's archive is refused with words, or contained; it reaches nothing, and leaves nothing (E-45, E-46, F-29).

Each is imported by a process of its own, in a mount namespace where everything but the test's
directory is read-only: were our walls to fail, the machine that runs the test would not pay for it.
"""

import io
import os
import re
import tarfile
import time
from pathlib import Path

import pytest

from runtime.errors import VitrineError
from runtime.image.load import load
from runtime.image.store import Store
from runtime.image.unpack import Limits
from runtime.linux import constants as c
from runtime.linux import syscalls
from tests import needs
from tests.runtime.image import hostile

pytestmark = needs.root
LIMITS = Limits(entries=hostile.MANY)
LIMIT = 10  # seconds for any of them


def walled(place, act):
    """What `act` returns (a str) in a child that can write below `place` only."""
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            syscalls.unshare(c.CLONE_NEWNS)
            syscalls.mount(None, "/", None, c.MS_REC | c.MS_PRIVATE)
            syscalls.mount(str(place), str(place), None, c.MS_BIND)
            syscalls.mount(None, "/", None, c.MS_REMOUNT | c.MS_BIND | c.MS_RDONLY)
            os.chdir(place)
            words = act()
        except BaseException as error:
            words = f"{type(error).__name__}: {error}"
        os.write(writer, words.encode(errors="replace")[:4096])
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        words = pipe.read().decode()
    os.waitpid(pid, 0)
    return words


@pytest.fixture
def place(tmp_path):
    """A directory with a canary where `../../canary` would hit it, and a store below."""
    for directory in (tmp_path, tmp_path / "work"):
        directory.mkdir(exist_ok=True)
        (directory / "canary").write_text("alive")
    return tmp_path


def attempt(place, data):
    """Import bytes; what was refused, or ''. Whatever happens, the canaries live and the clock is watched."""
    (place / "work/evil.tar").write_bytes(data)

    def act():
        try:
            load(Store(place / "work/images"), str(place / "work/evil.tar"), limits=LIMITS)
        except VitrineError as error:
            return str(error)
        return ""

    begin = time.monotonic()
    words = walled(place, act)
    assert time.monotonic() - begin < LIMIT
    for canary in (place / "canary", place / "work/canary"):
        assert ("alive", 1) == (canary.read_text(), canary.stat().st_nlink)
    assert ["canary", "evil.tar", "images"] == sorted(os.listdir(place / "work"))
    assert ["canary", "work"] == sorted(os.listdir(place))
    return words


def left(place):
    """What an import left in the store, but for the locks."""
    images = place / "work/images"
    return sorted(str(path.relative_to(images)) for path in images.rglob("*") if path.name not in (".lock", ".writers"))


@pytest.mark.parametrize("name", hostile.LAYERS)
def test_a_hostile_layer_is_refused(place, name):
    """E-45, E-46: The import says which entry and why, in time, and nothing of it stays."""
    data, words = hostile.LAYERS[name]

    said = attempt(place, hostile.archive(hostile.layout(data)))

    assert re.search(words, said), said
    assert [] == left(place)


@pytest.mark.parametrize("name", hostile.ARCHIVES)
def test_a_hostile_archive_is_refused(place, name):
    """E-45: What is around the layers is no more believed than the layers."""
    data, words = hostile.ARCHIVES[name]

    said = attempt(place, data)

    assert re.search(words, said), said
    assert [] == left(place)


@pytest.mark.parametrize("name", hostile.CONTAINED)
def test_what_is_only_odd_is_contained(place, name):
    """E-45, E-46: Odd entries become harmless files below the layer's own root."""
    data, holds = hostile.CONTAINED[name]

    assert "" == attempt(place, hostile.archive(hostile.layout(data)))
    (tree,) = Store(place / "work/images").lookup("evil").layers
    assert holds(tree)


def test_without_the_walls_the_same_archive_writes_outside(place):
    """The fence removed: plain extraction of the first archive reaches the canary."""
    data, _ = hostile.LAYERS["dots"]
    (place / "work/inner").mkdir()

    def act():
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for member in tar:
                tar.extract(member, place / "work/inner/")
        return ""

    walled(place, act)

    assert "x" == (place / "canary").read_text()


def test_the_place_of_these_tests_is_walled(place):
    """A write outside the test's directory fails here whatever the importer does."""
    assert "Read-only file system" in walled(place, lambda: str(Path("/etc/vitrine-canary").write_text("x")))
