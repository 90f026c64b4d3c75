"""The end of a spawner: what it made on the host goes with it."""

from __future__ import annotations

import subprocess
import sys

from runtime.linux.cgroups import hierarchies
from tests.needs import ROOT
from tests.runtime.node import Node, needs_node, wait_until

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


PARENT = "import os, subprocess, sys; subprocess.Popen(sys.argv[1:]); print(flush=True); os.read(0, 1)"


def test_a_spawner_for_one_command_ends_with_it(tmp_path):
    """--die-with-parent: its parent is killed, and it takes its sandboxes along."""
    node = Node(tmp_path)
    command = [sys.executable, "-c", PARENT, sys.executable, "-m", "runtime.spawner", "--ephemeral", "--die-with-parent"]
    parent = subprocess.Popen(command, cwd=ROOT, env=node.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    wait_until(node.answers)
    node.spawner.create(id="t-orphan", image="linux")
    assert [] != parents(node)

    parent.kill()
    parent.communicate()

    wait_until(lambda: parents(node) == [])
    wait_until(lambda: not node.answers())
