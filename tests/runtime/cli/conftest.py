"""A node for the command line's tests."""

from tests.runtime.node import node  # noqa: F401  (a fixture)
