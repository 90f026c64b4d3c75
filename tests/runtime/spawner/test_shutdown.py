"""The end of a spawner: what it made on the host goes with it."""

from __future__ import annotations

from runtime.linux.cgroups import PARENT, hierarchies
from tests.runtime.node import Node, needs_node

pytestmark = needs_node


def empty_parents() -> list[str]:
    """The groups named `vitrine` that hold no container's group."""
    parents = [tree.path / PARENT for tree in hierarchies()]
    return [str(path) for path in parents if path.exists() and not any(entry.is_dir() for entry in path.iterdir())]


def test_no_empty_group_stays_behind(tmp_path):
    """Shutdown removes the sandboxes and, in every hierarchy, the group that held theirs."""
    node = Node(tmp_path)
    node.start()
    try:
        node.spawner.create(id="t-last", image="linux")
        assert any((tree.path / PARENT / "t-last").exists() for tree in hierarchies())
    finally:
        node.stop()

    assert [] == empty_parents()
