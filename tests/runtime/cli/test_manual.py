"""The command line's page agrees with the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.cli import manual, parser


def test_the_page_is_the_parsers():
    """docs/cli.md is what the parser says of itself."""
    page = Path(__file__).parents[3] / "docs" / "cli.md"

    assert page.read_text() == manual.text()


@pytest.mark.parametrize(("text", "bytes_"), [("256M", 256 << 20), ("1g", 1 << 30), ("512MiB", 512 << 20), ("77", 77)])
def test_sizes(text, bytes_):
    """A size is a number with K, M or G, as a power of two."""
    assert bytes_ == parser.size(text)
