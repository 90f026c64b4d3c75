"""One node and one sandbox for the shim's tests."""

from __future__ import annotations

import pytest

from tests.runtime.node import Node


@pytest.fixture(scope="package")
def node(tmp_path_factory):
    node = Node(tmp_path_factory.mktemp("node"))
    node.start()
    yield node
    node.stop()


@pytest.fixture
def box(node):
    """The shim client of a fresh sandbox."""
    with node.sandbox() as identifier:
        yield node.shim(identifier)
