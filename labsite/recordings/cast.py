"""asciicast v2: one terminal of a recording as a file that asciinema plays.

A header line, then [seconds, code, data]: "o" what was printed, "r" a new size, "m" a mark. Keys that were
typed ("i") are never recorded. See https://docs.asciinema.org/manual/asciicast/v2/.
"""

import json
from collections.abc import Iterable, Iterator

from labsite.recordings.journal import Event

COLS, ROWS = 80, 24


def cast(events: Iterable[Event], terminal: str, title: str, timestamp: int) -> Iterator[bytes]:
    """The lines of the file."""
    mine = [event for event in events if event[1] in "orm" and event[2] == terminal]
    cols, rows = next(((event[3], event[4]) for event in mine if event[1] == "r"), (COLS, ROWS))
    header = {
        "version": 2,
        "width": cols,
        "height": rows,
        "timestamp": timestamp,
        "title": title,
        "env": {"TERM": "xterm-256color"},
    }
    yield _line(header)
    for at, code, _, *rest in mine:
        yield _line([at, code, {"o": _printed, "r": _sized, "m": _marked}[code](rest)])


def _printed(rest: list) -> str:
    return str(rest[0])


def _sized(rest: list) -> str:
    return f"{rest[0]}x{rest[1]}"


def _marked(rest: list) -> str:
    return f"{rest[0]}: {rest[1]}"


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
