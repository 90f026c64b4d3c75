"""A node for the command line's tests."""

from __future__ import annotations

import pytest

from tests.runtime.node import Node


@pytest.fixture(scope="package")
def node(tmp_path_factory):
    node = Node(tmp_path_factory.mktemp("node"))
    node.start()
    yield node
    node.stop()
