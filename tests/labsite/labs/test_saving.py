"""Save: what a file is afterwards; errands: what a check may ask of others."""

import pytest

from labsite.labs.errands import Errands, without_requests
from labsite.labs.saving import SaveFailed, changed
from lessons.catalog import Save


@pytest.mark.parametrize(
    ("block", "old", "new"),
    [
        (Save("/f", "a\n"), "old\n", "a\n"),
        (Save("/f", "b\n", "append"), "a\n", "a\nb\n"),
        (Save("/f", "b\n", "append"), "a", "a\nb\n"),
        (Save("/f", "b\n", "append"), "", "b\n"),
        (Save("/f", "b\n", "insert", "# here"), "a\n # here\nc\n", "a\nb\n # here\nc\n"),
    ],
)
def test_saving_twice_changes_nothing_more(block, old, new):
    """Whole, at the end, before a line; and the second time the same."""
    assert changed(block, old) == new
    assert changed(block, new) == new


def test_a_line_that_is_not_there_is_named():
    """An insert without its line fails in words."""
    with pytest.raises(SaveFailed, match="no line holds '# here'"):
        changed(Save("/f", "b\n", "insert", "# here"), "a\n")


def test_errands_answer_only_whole_requests():
    """A request may come in pieces; a machine that is not there cannot be asked; other words are the author's."""
    errands = Errands({}, 5.0, {})

    assert errands(b"words \x1edb\x1f") == b""
    assert errands(b"true\x1f\x1d more") == b"77 0\n"
    assert errands(b"\x1edb\x1f\x1d") == b"2 0\n"
    assert without_requests(b"one\x1edb\x1ftrue\x1f\x1d two") == b"one two"
