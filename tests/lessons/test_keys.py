"""Keys by name."""

import pytest

from lessons import keys


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("Esc :q! Enter", "\x1b:q!\r"),
        ("Ctrl-C", "\x03"),
        ("ctrl-d", "\x04"),
        ("Ctrl-[", "\x1b"),
        ("Alt-x", "\x1bx"),
        ("Up Up Enter", "\x1b[A\x1b[A\r"),
        ("F10 PageDown", "\x1b[21~\x1b[6~"),
        ("hello Space world", "hello world"),
        ("q", "q"),
    ],
)
def test_keys_become_what_a_terminal_receives(text, data):
    """Names are keys, chords are control characters, everything else is typed."""
    assert keys.read(text)[0] == data
