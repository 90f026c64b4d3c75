"""gc spares what a living sandbox stands on, and waits for whoever adds to the store."""

import os
import threading

from runtime.image.collect import collect
from runtime.linux import constants as c
from runtime.linux import syscalls
from tests import needs

pytestmark = needs.root


def standing_on(tree, place):
    """A process that has the tree mounted in a mount namespace of its own, as a sandbox's shim has; its pid and the pipe that ends it."""
    ready, said = os.pipe()
    ends, end = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(end)
        syscalls.unshare(c.CLONE_NEWNS)
        syscalls.mount(None, "/", None, c.MS_REC | c.MS_PRIVATE)
        syscalls.mount(str(tree), str(place), None, c.MS_BIND)
        os.write(said, b"m")
        os.read(ends, 1)
        os._exit(0)
    os.close(said)
    os.close(ends)
    assert b"m" == os.read(ready, 1)
    os.close(ready)
    return pid, end


def test_a_layer_that_is_mounted_somewhere_stays(store, add, tmp_path):
    """A removed image's layer lives as long as a mount of it, in whichever namespace; then it goes."""
    tree = add("one", "x").layers[0]
    store.remove("one")
    pid, end = standing_on(tree, tmp_path)
    try:
        collect(store)
        assert tree.is_dir() and "x" == (tree / "file").read_text()
    finally:
        os.close(end)
        os.waitpid(pid, 0)

    assert f"layers/{tree.name}" in collect(store)
    assert not tree.exists()


def test_what_is_being_added_stays(store, add):
    """While a build or an import is under way nothing is deleted: gc waits for its end."""
    add("one", "x")
    deleted = []
    with store.scratch() as scratch:
        tree = scratch / "t"
        tree.mkdir()
        layer = store.layer_from_directory(tree)
        waiting = threading.Thread(target=lambda: deleted.extend(collect(store)))
        waiting.start()
        waiting.join(0.1)
        assert waiting.is_alive() and store.blobs.has(layer.descriptor)
    waiting.join()

    assert [f"blobs/sha256/{layer.descriptor.hex}"] == deleted


def test_leftovers_of_a_killed_import_go(store, add):
    """A scratch directory without its writer is garbage."""
    add("one", "x")
    (store.directory / ".building-dead").mkdir()

    collect(store)

    assert not (store.directory / ".building-dead").exists()
