"""The journal of a recording: one file, one line a thing that happened, in its order.

    [seconds, "o", "box/1", text, offset]     a terminal printed; offset after its last byte
    [seconds, "r", "box/1", cols, rows]       it has this size now
    [seconds, "m", "box/1", word, number]     what is missing: "gap" of so many bytes, "new" machine
    [seconds, "x", "box", message]            an observation of the x-ray: snapshot or change (docs/xray.md)

Terminals and x-ray stand in one file because they share one time. Everything else is made from it: the
replay page reads it as it is, `cast` makes an asciicast of one terminal.

A line is written whole or not at all: a torn last line, left by a crash, is cut off before the next is added.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings

Event = list[Any]


class BusyError(Exception):
    """Another process writes this recording."""


def place(code: str) -> Path:
    """Where a recording's file is: a directory of its own, below the state directory."""
    return Path(settings.STATE_DIR) / "recordings" / code


def path(code: str) -> Path:
    """The journal itself."""
    return place(code) / "journal.jsonl"


def remove(code: str) -> None:
    """Delete everything a recording has on disk."""
    shutil.rmtree(place(code), ignore_errors=True)


def events(code: str) -> Iterator[Event]:
    """What was recorded, in order; a line that was torn by a crash is left out."""
    if not path(code).exists():
        return
    with path(code).open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield json.loads(line)


class Writer:
    """The one who writes; a lock held by the kernel keeps a second one out, and ends with the process."""

    def __init__(self, code: str) -> None:
        place(code).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        place(code).mkdir(mode=0o700, exist_ok=True)
        self.fd = os.open(path(code), os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self.fd)
            raise BusyError(code) from error
        self.size = self._whole()

    def _whole(self) -> int:
        """Cut off what follows the last end of a line; what is left."""
        size = os.fstat(self.fd).st_size
        tail = os.pread(self.fd, 1 << 22, max(0, size - (1 << 22)))
        keep = size - len(tail) + tail.rfind(b"\n") + 1
        if keep != size:
            os.ftruncate(self.fd, keep)
        return keep

    def write(self, lines: Iterable[bytes]) -> None:
        """Add lines at the end."""
        data = b"".join(lines)
        while data:
            data = data[os.write(self.fd, data) :]

    def close(self) -> None:
        """Let go of file and lock."""
        os.close(self.fd)


def line(event: Event) -> bytes:
    """One event as it stands in the file. Surrogates cannot occur: text was decoded with replacements."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
