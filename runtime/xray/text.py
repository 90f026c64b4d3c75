"""Text from a sandbox, made fit to be shown: names of processes, files, mounts, devices.

A name in Linux is bytes without NUL. A guest may call a process `<script>`, or name a file with
an escape sequence that would repaint an operator's terminal. Markup is the page's affair;
control characters and bytes that are no UTF-8 are written `\\xNN` here, and long names cut.

See path_resolution(7), utf-8(7).
"""

from __future__ import annotations

import re

# C0 and C1 controls, DEL, and the marks that turn a line's direction round (a name could
# otherwise be shown as another one) or that are no character at all.
UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\uffff\ud800-\udfff]")
SAFE = re.compile(rb"[\x20-\x7e]*")
LONGEST = 256


def clean(raw: bytes | str, longest: int = LONGEST) -> str:
    """Printable text, at most about `longest` characters."""
    if isinstance(raw, bytes):
        if len(raw) <= longest and SAFE.fullmatch(raw):
            return raw.decode("ascii")
        text = raw[: longest * 4].decode("utf-8", "backslashreplace")
    else:
        text = raw
    text = UNFIT.sub(_escaped, text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _escaped(match: re.Match[str]) -> str:
    number = ord(match[0])
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


def unescaped(field: bytes) -> bytes:
    """A field of mountinfo as it is: space, tab, newline and backslash are octal there."""
    if b"\\" not in field:
        return field
    return re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match[1], 8) & 255]), field)
