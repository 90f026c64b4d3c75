"""The image store: names, layers by content, one index replaced whole."""

import json

import pytest

from runtime.errors import NotFoundError
from runtime.image.store import Store

CONFIG = {"os": "linux", "config": {"Cmd": ["/bin/sh"]}}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "images")


def add(store, name, text):
    """Put a tree of one file under a name."""
    with store.scratch() as scratch:
        tree = scratch / "rootfs"
        tree.mkdir()
        (tree / "file").write_text(text)
        return store.add_directory(name, tree, CONFIG, recipe=text)


def test_an_added_tree_is_found_by_name(store):
    """What was added under a name is what the name leads to."""
    image = add(store, "small", "hello")

    assert image == store.lookup("small")
    assert "hello" == (image.layers[0] / "file").read_text()
    assert CONFIG == image.config


def test_an_unknown_name_is_an_error_that_names_it(store):
    """Asking for an image that is not there says which one and where."""
    with pytest.raises(NotFoundError, match="nothing"):
        store.lookup("nothing")


def test_equal_trees_share_a_layer(store):
    """A layer is named by its content, so the same content is kept once."""
    first, second = add(store, "one", "same"), add(store, "two", "same")

    assert first.layers == second.layers
    assert 1 == len(list(store.layers.iterdir()))


def test_a_new_tree_never_changes_an_old_layer(store):
    """Sandboxes stand on layers: a rebuilt image gets a new one, the old stays as it was."""
    old = add(store, "one", "before").layers[0]

    new = add(store, "one", "after").layers[0]

    assert "before" == (old / "file").read_text()
    assert [new] == store.lookup("one").layers


def test_collect_keeps_what_a_name_leads_to(store):
    """Only layers without a name are deleted."""
    kept = add(store, "kept", "kept").layers[0]
    gone = add(store, "gone", "gone").layers[0]
    store.remove("gone")

    assert [gone.name] == store.collect()
    assert kept.is_dir()


def test_the_scratch_directory_goes_even_after_a_failure(store):
    """A build that fails leaves no half tree behind."""
    with pytest.raises(RuntimeError), store.scratch() as scratch:
        (scratch / "half").write_text("x")
        raise RuntimeError

    assert [] == [path for path in store.directory.iterdir() if path.name.startswith(".building")]


def test_the_index_is_readable_json(store):
    """images.json is a document people may read."""
    add(store, "small", "hello")

    assert ["small"] == list(json.loads((store.directory / "images.json").read_text()))
