"""One node, one sandbox, and one who watches it."""

import pytest

from tests.runtime.node import node  # noqa: F401  (a fixture)
from tests.runtime.xray.watcher import Watcher


@pytest.fixture
def box(node):  # noqa: F811
    """The shim client of a fresh sandbox."""
    with node.sandbox() as identifier:
        yield node.shim(identifier)


@pytest.fixture
def watcher(box):
    """Somebody who watches it."""
    watcher = Watcher(box)
    yield watcher
    watcher.close()
