"""Differences: what is sent leads exactly from one observation to the other."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.xray.compare import Observation, StaleError, applied, difference

ROWS = st.dictionaries(
    st.sampled_from("abcd"), st.fixed_dictionaries({"x": st.integers(0, 3), "y": st.lists(st.integers(0, 2), max_size=2)})
)
COLLECTIONS = st.dictionaries(st.sampled_from(["processes", "mounts", "links"]), ROWS)


@given(COLLECTIONS, COLLECTIONS)
def test_a_patch_leads_from_one_to_the_other(old, new):
    """Whatever the two are, applying the difference gives the newer one, and alters neither."""
    before, after = copy.deepcopy(old), copy.deepcopy(new)

    result = applied(old, difference(old, new))

    assert {name: rows for name, rows in new.items() if rows} == {name: rows for name, rows in result.items() if rows}
    assert (before, after) == (old, new)


def test_nothing_is_said_of_what_is_the_same():
    """Only fields that differ are in a change."""
    old = {"processes": {"1": {"pid": 1, "state": "S"}, "2": {"pid": 2, "state": "S"}}}
    new = {"processes": {"1": {"pid": 1, "state": "R"}, "2": {"pid": 2, "state": "S"}}}

    assert {"processes": {"changed": {"1": {"state": "R"}}}} == difference(old, new)
    assert {} == difference(new, copy.deepcopy(new))


def test_a_change_that_does_not_follow_is_refused():
    """A viewer who missed a version is told so, and not shown a mixture."""
    first, second = Observation("e", 1, 0.0, {}, {}), Observation("e", 2, 1.0, {}, {})

    with pytest.raises(StaleError):
        second.after(second.since(first))
    with pytest.raises(StaleError):
        Observation("other", 1, 0.0, {}, {}).after(second.since(first))


def test_a_document_is_read_back_as_it_was():
    """to_dict and from_dict are each other's inverse."""
    seen = Observation("e", 7, 1.5, {"mounts": 3}, {"processes": {"1": {"pid": 1}}})

    assert seen.to_dict() == Observation.from_dict(seen.to_dict()).to_dict()
