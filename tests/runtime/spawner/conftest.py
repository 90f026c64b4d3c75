"""A node for the spawner's tests."""

from tests.runtime.node import node  # noqa: F401  (a fixture)
