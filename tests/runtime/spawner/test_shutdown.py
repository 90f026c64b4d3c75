"""The end of a spawner: what it made on the host goes with it."""

from __future__ import annotations

from runtime.linux.cgroups import hierarchies
from tests.runtime.node import Node, needs_node

pytestmark = needs_node


def parents(node: Node) -> list[str]:
    """The groups that hold the groups of this node's sandboxes."""
    places = [tree.path / node.paths.cgroup for tree in hierarchies()]
    return [str(path) for path in places if path.exists()]


def test_no_empty_group_stays_behind(tmp_path):
    """Shutdown removes the sandboxes and, in every hierarchy, the group that held theirs."""
    node = Node(tmp_path)
    node.start()
    try:
        node.spawner.create(id="t-last", image="linux")
        assert [] != parents(node)
    finally:
        node.stop()

    assert [] == parents(node)
