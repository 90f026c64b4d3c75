"""What every test has."""

import os

import pytest

pytest_plugins = ["tests.strict"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests marked `nightly` wait for VITRINE_NIGHTLY=1: the suite of every change stays under 15 minutes."""
    if os.environ.get("VITRINE_NIGHTLY", "0") not in ("", "0"):
        return
    nightly = [item for item in items if item.get_closest_marker("nightly")]
    config.hook.pytest_deselected(items=nightly)
    items[:] = [item for item in items if not item.get_closest_marker("nightly")]
