"""Names from a sandbox are made fit to be shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.xray.text import UNFIT, clean, unescaped


@given(st.binary(max_size=2000))
def test_whatever_the_bytes_the_text_can_be_shown(raw):
    """No control character is left, it can be sent as UTF-8, and it has a length."""
    text = clean(raw)

    assert not UNFIT.search(text)
    assert len(text.encode()) <= 4 * 256


@pytest.mark.parametrize(
    "raw, shown",
    [
        (b"bash", "bash"),
        ("命名".encode(), "命名"),
        (b"\x1b[2J", "\\x1b[2J"),
        (b"\xff\xfe", "\\xff\\xfe"),
        ("a\u202eb".encode(), "a\\u202eb"),
    ],
)
def test_what_is_fit_stays(raw, shown):
    """Text stays; bytes that are none and marks that turn a line round are written out."""
    assert shown == clean(raw)


def test_octal_escapes_of_mountinfo():
    """A space in a mount's path is written as \\040 there."""
    assert b"/mnt/a b\\" == unescaped(rb"/mnt/a\040b\134")
