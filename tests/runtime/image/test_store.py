"""The image store: an OCI layout with names, and each layer once as a tree."""

import json

import pytest

from runtime.errors import NotFoundError, SpecError, VitrineError
from runtime.image.collect import collect
from runtime.image.verify import verify
from tests import needs

pytestmark = needs.root


def test_an_added_tree_is_found_by_name(store, add):
    """What was added under a name is what the name leads to, however the name is written."""
    image = add("small", "hello", recipe="r")

    assert image == store.lookup("small") == store.lookup("docker.io/library/small:latest")
    assert image.layers == store.lookup(image.descriptor.digest).layers
    assert "hello" == (image.layers[0] / "file").read_text()
    assert ("r", ["/bin/sh"]) == (image.recipe, image.config["config"]["Cmd"])


def test_an_unknown_name_is_an_error_that_names_it(store):
    """Asking for an image that is not there says which one and where."""
    with pytest.raises(NotFoundError, match="nothing"):
        store.lookup("nothing")


@pytest.mark.parametrize("name", ["", "../x", "UPPER", "a b", "x" * 300, "a:b:c", "x\n"])
def test_what_is_no_name_is_refused(store, name):
    """A name is what docker calls one; nothing else reaches the index."""
    with pytest.raises(SpecError, match="image"):
        store.lookup(name)


def test_equal_trees_share_a_layer(store, add):
    """A layer is named by its content, so the same content is kept once."""
    first, second = add("one", "same"), add("two", "same")

    assert first.layers == second.layers
    assert 1 == len([path for path in store.layers.iterdir() if path.is_dir()])


def test_a_new_tree_never_changes_an_old_layer(store, add):
    """Sandboxes stand on layers: a rebuilt image gets a new one, the old stays as it was."""
    old = add("one", "before").layers[0]

    new = add("one", "after").layers[0]

    assert "before" == (old / "file").read_text()
    assert [new] == store.lookup("one").layers


def test_a_tag_is_a_second_name(store, add):
    """tag leads another name to the same image; removing one leaves the other."""
    image = add("one", "x")

    store.tag("one", "registry.lab:5000/two:v2")
    store.remove("one")

    assert image.descriptor.digest == store.lookup("registry.lab:5000/two:v2").descriptor.digest
    with pytest.raises(NotFoundError):
        store.lookup("one")


def test_collect_keeps_what_a_name_leads_to(store, add):
    """Blobs and layers without a name are deleted, and nothing else."""
    kept = add("kept", "kept")
    gone = add("gone", "gone")
    store.remove("gone")

    deleted = collect(store)

    assert f"layers/{gone.layers[0].name}" in deleted and not gone.layers[0].exists()
    assert [] == list(verify(store, kept))
    assert 3 == len(list(store.blobs.place.iterdir()))


def test_collect_deletes_nothing_while_a_name_leads_nowhere(store, add):
    """A damaged index is no licence to delete the rest."""
    image = add("one", "x")
    store.blobs.path(image.descriptor).unlink()

    with pytest.raises(VitrineError, match="nothing is deleted"):
        collect(store)

    assert image.layers[0].is_dir()


def test_the_scratch_directory_goes_even_after_a_failure(store):
    """A build that fails leaves no half tree behind."""
    with pytest.raises(RuntimeError), store.scratch() as scratch:
        (scratch / "half").write_text("x")
        raise RuntimeError

    assert [] == [path for path in store.directory.iterdir() if path.name.startswith(".building")]


def test_the_directory_is_an_oci_layout(store, add):
    """index.json, oci-layout and blobs are as the image specification has them."""
    add("small", "hello")

    index = json.loads((store.directory / "index.json").read_text())
    names = [row["annotations"]["org.opencontainers.image.ref.name"] for row in index["manifests"]]
    assert ["small:latest"] == names
    assert {"imageLayoutVersion": "1.0.0"} == json.loads((store.directory / "oci-layout").read_text())


def test_the_layers_are_closed_to_other_users(store, add):
    """A setuid file in an image belongs to the host's root until a sandbox maps it: nobody may reach it (E-54)."""
    add("small", "hello")

    assert 0o700 == store.layers.stat().st_mode & 0o7777


def test_verify_finds_a_changed_byte(store, add):
    """A flipped byte in a blob or in a tree is found, and said where (F-29)."""
    image = add("small", "hello")
    blob = store.blobs.path(image.blobs[0])
    data = bytearray(blob.read_bytes())
    data[600] ^= 1
    blob.write_bytes(data)
    (image.layers[0] / "file").write_text("hullo")

    problems = list(verify(store, image))

    assert 2 == len(problems) and "holds other bytes" in problems[0] and image.layers[0].name in problems[1]


def test_a_damaged_manifest_is_not_believed(store, add):
    """Documents are digested at every lookup."""
    image = add("small", "hello")
    store.blobs.path(image.descriptor).write_bytes(b"{}".ljust(image.descriptor.size))

    with pytest.raises(VitrineError, match="holds other bytes"):
        store.lookup("small")
