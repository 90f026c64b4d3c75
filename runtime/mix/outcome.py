"""What the mixer says at its end, read by somebody who does not believe it.

It runs inside a sandbox whose root may have put another Python in the place of ours. So its answer is
taken apart here: known names, short texts, numbers within bounds; anything else is no answer.
"""

from __future__ import annotations

import json
import re
from typing import Any

from runtime.errors import RefusedError

ACTS = ("hostname", "mount", "file", "port")
MOST_STEPS = 40
LONGEST = 200
SHAPES = {
    "name": re.compile(r"[a-z][a-z-]{0,39}"),
    "description": re.compile(rf"[ -~]{{1,{LONGEST}}}"),
    "manual": re.compile(r"[\w-]{1,40}\(\w{1,4}\)"),
    "source": re.compile(r"runtime(\.\w{1,60}){1,8}"),
}
ERRNO = re.compile(r"E[A-Z0-9]{1,19}")


def read(data: bytes) -> dict[str, Any]:
    """Steps and acts of a mix that was made; RefusedError with the mixer's words, or for an answer that is none."""
    try:
        said = json.loads(data)
        if isinstance(said.get("error"), str):
            raise RefusedError("mix", None, said["error"][:LONGEST])
        steps, acts = said["timings"], said["acts"]
        if len(steps) > MOST_STEPS or set(acts) != set(ACTS):
            raise ValueError("unknown acts, or too many steps")
        return {"timings": [_step(step) for step in steps], "acts": {name: _error(acts[name]) for name in ACTS}}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise RefusedError("mix", None, "the answer from the sandbox is not the mixer's") from error


def _step(step: dict[str, Any]) -> dict[str, Any]:
    for name, shape in SHAPES.items():
        if not shape.fullmatch(step[name]):
            raise ValueError(name)
    return {**{name: step[name] for name in SHAPES}, "duration_us": _micros(step["duration_us"])}


def _micros(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**9:
        raise ValueError("duration_us")
    return value


def _error(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not ERRNO.fullmatch(value):
        raise ValueError("acts")
    return value
