"""Leases of user id ranges."""

from __future__ import annotations

import pytest

from runtime.container import ranges
from runtime.errors import ExistsError
from runtime.paths import Paths


@pytest.fixture
def paths(tmp_path, monkeypatch):
    monkeypatch.setenv("VITRINE_UID_BASE", "1000000")
    monkeypatch.setenv("VITRINE_RANGES", "2")
    return Paths(tmp_path / "state", tmp_path / "run")


def test_ranges_do_not_overlap(paths):
    """Each container gets a range of its own."""
    assert 1000000 == ranges.lease(paths, "a")
    assert 1000000 + ranges.SIZE == ranges.lease(paths, "b")


def test_full(paths):
    """When all are taken the answer says so, and a released one can be leased again."""
    ranges.lease(paths, "a")
    ranges.lease(paths, "b")

    with pytest.raises(ExistsError, match="all 2 ranges"):
        ranges.lease(paths, "c")
    ranges.release(paths, "a")
    ranges.release(paths, "a")
    assert 1000000 == ranges.lease(paths, "c")


def test_release_leaves_others(paths):
    """Releasing by one id does not touch another's lease, even if its name begins alike."""
    ranges.lease(paths, "a")
    ranges.lease(paths, "a-b")

    ranges.release(paths, "a")

    assert ["1"] == [file.name for file in paths.ranges.iterdir()]


def test_ranges_end_where_a_signed_number_does(paths, monkeypatch):
    """An id above 2**31 would be refused in a mount's options by older kernels; the error says what to lower."""
    monkeypatch.setenv("VITRINE_UID_BASE", str(ranges.LAST - ranges.SIZE))

    ranges.lease(paths, "last")
    with pytest.raises(ExistsError, match="VITRINE_UID_BASE"):
        ranges.lease(paths, "beyond")
