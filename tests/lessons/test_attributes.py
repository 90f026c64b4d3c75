"""Attributes in braces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.attributes import parse, parse_directive, parse_fence


def test_flags_values_and_id_are_told_apart():
    """A word is a flag, a pair is a value, a # is the id; quotes keep spaces."""
    found = parse('#here auto timeout=5 says="not yet, sorry"')

    assert found.id == "here"
    assert found.flags == ("auto",)
    assert found.values == {"timeout": "5", "says": "not yet, sorry"}


def test_a_fence_has_a_language_and_braces():
    """The language comes first, and braces may be absent."""
    assert parse_fence("sh {run terminal=2}")[0] == "sh"
    assert parse_fence("text")[1].flags == ()


def test_a_directive_has_a_label():
    """`:::hint[Title]{after=120}` gives name, label and attributes."""
    name, label, found = parse_directive("hint[How, then?]{after=120}")

    assert (name, label, found.values) == ("hint", "How, then?", {"after": "120"})


@pytest.mark.parametrize("text", ["a=", 'says="open', "{", "UPPER"])
def test_what_is_not_understood_is_refused(text):
    """Nothing in braces is ignored in silence."""
    with pytest.raises(ValueError, match="not understood"):
        parse(text)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    """No info string makes the parser do anything but answer or raise ValueError."""
    try:
        parse_fence(text)
    except ValueError:
        pass
