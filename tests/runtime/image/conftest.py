"""Stores under a test's own directory, and small trees to put into them."""

import os

import pytest

from runtime.image.store import MACHINE, Store
from runtime.oci.image_config import History, ImageConfig

CONFIG = ImageConfig(MACHINE, config={"Cmd": ["/bin/sh"]})
STEP = History("2026-01-01T00:00:00Z", "a test")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "images")


@pytest.fixture
def add(store):
    """Put a tree of one file under a name."""

    def act(name, text, recipe=""):
        with store.scratch() as scratch:
            tree = scratch / "rootfs"
            tree.mkdir()
            (tree / "file").write_text(text)
            os.utime(tree / "file", (1, 1))
            return store.add_directory(name, tree, CONFIG, STEP, recipe)

    return act
