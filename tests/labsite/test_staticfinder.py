"""What is served of node_modules."""

from __future__ import annotations

import pytest
from django.contrib.staticfiles import finders

from labsite.staticfinder import FILES, PREFIX, NodeModulesFinder


@pytest.mark.parametrize("name", FILES)
def test_the_named_files_are_found(name):
    """Each named file is installed, and found below `vendor/`."""
    assert finders.find(f"{PREFIX}/{name}")


@pytest.mark.parametrize("path", ["vendor/axe-core/axe.min.js", "vendor/../package.json", "@xterm/xterm/lib/xterm.mjs"])
def test_nothing_else_is_found(path):
    """Whatever has no name in the list is not served, installed or not."""
    assert NodeModulesFinder().find(path) == []


def test_collectstatic_gets_exactly_the_list():
    """collectstatic copies the named files and no more."""
    assert tuple(name for name, _ in NodeModulesFinder().list([])) == FILES
