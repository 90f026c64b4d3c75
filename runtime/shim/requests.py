"""What may be asked on `shim.sock`, checked field by field.

Whoever connects is root or the site's user; still a field has one type and a bound, so that a
mistake (or a web process that has been taken over) gets an error and not a surprise.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from runtime.errors import RefusedError
from runtime.shim.viewer import SHORTEST_SILENCE, SILENCE

MOST_TERMINALS = 8
LARGEST_FILE = 8 << 20
Fields = dict[str, Any]


def refuse(message: str) -> RefusedError:
    """The error for a field that is not as it should be."""
    return RefusedError("request", None, message)


def number(fields: Fields, name: str, default: float | None, low: float, high: float) -> Any:
    """A number within bounds; None only where that is the default."""
    value = fields.get(name, default)
    if value is None and default is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise refuse(f"{name}: not a number in {low:g}..{high:g}")
    return value


def whole(fields: Fields, name: str, default: int | None, low: int, high: int) -> Any:
    """The same, without fractions."""
    value = number(fields, name, default, low, high)
    if value is not None and not isinstance(value, int):
        raise refuse(f"{name}: not a whole number")
    return value


def plain(value: object) -> bool:
    """A string execve(2) can take: no NUL, and nothing that cannot be encoded."""
    if not isinstance(value, str) or "\0" in value or len(value) > 131072:
        return False
    return not any("\ud800" <= letter <= "\udfff" for letter in value)


def text(fields: Fields, name: str, default: str | None) -> Any:
    """A string without NUL."""
    value = fields.get(name)
    value = default if value is None else value
    if value is not None and not plain(value):
        raise refuse(f"{name}: not a string")
    return value


def words(fields: Fields, name: str) -> list[str]:
    """A list of strings."""
    value = fields.get(name) or []
    if not isinstance(value, list) or not all(map(plain, value)):
        raise refuse(f"{name}: not a list of strings")
    return value


def environment(fields: Fields) -> dict[str, str]:
    """Extra environment variables."""
    value = fields.get("env") or {}
    if not isinstance(value, dict) or not all(map(plain, [*value, *value.values()])):
        raise refuse("env: not a mapping of strings")
    return value


def data(fields: Fields, name: str) -> bytes:
    """Bytes in base64."""
    value = fields.get(name) or ""
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise refuse(f"{name}: not base64") from error


def hello(fields: Fields) -> Fields:
    """The opening of a terminal attachment. `n` None asks for a terminal of one's own."""
    return {
        "n": whole(fields, "n", None, 0, 999),
        "since": whole(fields, "since", None, 0, 1 << 62),
        "cols": whole(fields, "cols", 80, 1, 1000),
        "rows": whole(fields, "rows", 24, 1, 500),
        "write": bool(fields.get("write", False)),
        "flow": bool(fields.get("flow", False)),
        "silence": number(fields, "silence", SILENCE, SHORTEST_SILENCE, 3600),
        "args": words(fields, "args"),
        "env": environment(fields),
        "cwd": text(fields, "cwd", None),
        "user": text(fields, "user", "root"),
    }


def command(fields: Fields) -> Fields:
    """A command to run: at least one word, and bounds that may be absent (None)."""
    checked = {
        "args": words(fields, "args"),
        "env": environment(fields),
        "cwd": text(fields, "cwd", None),
        "user": text(fields, "user", "root"),
        "timeout": number(fields, "timeout", None, 0.01, 86400),
        "limit": whole(fields, "limit", None, 0, 1 << 40),
        "more_stdin": fields.get("stdin") is True,
        "stdin": b"" if fields.get("stdin") is True else data(fields, "stdin"),
        "aside": fields.get("aside") is True,
    }
    if not checked["args"]:
        raise refuse("args: empty")
    return checked
