"""One node and one sandbox for the shim's tests."""

import pytest

from tests.runtime.node import node  # noqa: F401  (a fixture)


@pytest.fixture
def box(node):  # noqa: F811
    """The shim client of a fresh sandbox."""
    with node.sandbox() as identifier:
        yield node.shim(identifier)
