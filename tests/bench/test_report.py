"""Ratios are theirs to ours, and a failure is told, not hidden."""

from __future__ import annotations

from bench.report import OURS, Series, Table


def test_ratio_is_theirs_to_ours() -> None:
    """A peer that takes twice our time has the ratio 2."""
    table = Table("create", "ms", [Series(OURS, "", [10.0, 10.0]), Series("other", "", [20.0, 20.0])])

    assert "2.00x" in table.text()


def test_failed_peer_says_why() -> None:
    """A peer that could not be measured stands in the table with its reason."""
    table = Table("create", "ms", [Series(OURS, "", [10.0]), Series("other", error="no such program")])

    assert "not measured: no such program" in table.text()


def test_without_ours_there_is_no_ratio() -> None:
    """Where ours was not measured, no ratio is made up."""
    table = Table("create", "ms", [Series(OURS, error="no server"), Series("other", "", [20.0])])

    assert "x" not in table.line(table.series[1]).replace("other", "")


def test_percentile() -> None:
    """The 95th percentile of 1 to 100 is 96: nearest rank, no interpolation."""
    assert Series("a", "", [float(n) for n in range(1, 101)]).percentile(95) == 96.0
