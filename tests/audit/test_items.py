"""How tests and items of the list are brought together."""

from __future__ import annotations

from tests.audit.items import known, named_in, of_test, verdict


def test_the_list_is_whole():
    """Every kind is there, numbered without a gap."""
    for kind, count in {"E": 57, "R": 33, "T": 15, "W": 24, "N": 16, "A": 16, "F": 34, "V": 9}.items():
        assert [name for name in known() if name.startswith(kind)] == [f"{kind}-{n:02}" for n in range(1, count + 1)]


def test_items_named_in_a_text():
    """Single ids, lists and ranges."""
    assert named_in("E-04, E-05: helpers; F-01 to F-03") == ["E-04", "E-05", "F-01", "F-02", "F-03"]


def test_a_case_goes_before_the_docstring():
    """A parametrised test stands, in each case, for that case's item only."""
    assert of_test("E-10 to E-12: calls", "E-11 bpf") == ["E-11"]
    assert of_test("E-10: calls", "strict") == ["E-10"]


def test_only_passed_tests_hold_an_item():
    """One failure opens it; a skip proves nothing."""
    assert verdict(["passed", "failed"]) == "open"
    assert verdict(["passed", "skipped"]) == "untested"
    assert verdict([]) == "untested"
    assert verdict(["passed", "passed"]) == "held"
