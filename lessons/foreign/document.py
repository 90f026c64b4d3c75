"""A JSON or YAML document with lines: where in the file does a value stand?

json knows lines only for its errors, so a value's line is found by its text: the next place,
going on from the last answer, where `"key": "value"` is written. That is exact for files
written in the order they are read, as all are.
"""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from lessons.foreign.notes import Kind, Notes
from lessons.foreign.repository import Repository

LIMIT = 256 << 10  # a manifest is a few kilobytes; the YAML reader is slow


class Document:
    """One manifest: typed access that never raises, and notes with lines."""

    def __init__(self, path: Path, file: str, source: str, top: dict[str, Any], notes: Notes) -> None:
        self.path, self.file, self.source, self.top, self.notes = path, file, source, top, notes
        self.reached = 0

    def note(self, kind: Kind, key: str, message: str) -> None:
        """Note something about a key, on its line."""
        self.notes.add(kind, self.file, self._line_at(self.source.find(f'"{key}"')), message)

    def line(self, key: str, value: str) -> int:
        """The line of `"key": "value"`, looked for from the last answer on."""
        spelled = "|".join(re.escape(text) for text in _spellings(value))
        pattern = re.compile(rf'"?{re.escape(key)}"?\s*:\s*"?\s*(?:{spelled})')
        match = pattern.search(self.source, self.reached) or pattern.search(self.source)
        if match is None:
            return 1
        self.reached = match.end()
        return self._line_at(match.start())

    def _line_at(self, position: int) -> int:
        return self.source.count("\n", 0, position) + 1 if position > 0 else 1

    def text(self, told: dict[str, Any], key: str) -> str:
        """A text; numbers become texts, anything else is noted and counts as absent."""
        value = told.get(key)
        if isinstance(value, str):
            return value.strip()
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _digits(value)
        if value is not None and not isinstance(value, bool):
            self.note(Kind.BROKEN, key, f"{key} is not a text")
        return ""

    def mapping(self, told: dict[str, Any], key: str) -> dict[str, Any]:
        """An object, or an empty one."""
        value = told.get(key)
        if value is not None and not isinstance(value, dict):
            self.note(Kind.BROKEN, key, f"{key} is not an object")
        return value if isinstance(value, dict) else {}

    def items(self, told: dict[str, Any], key: str) -> list[Any]:
        """A list, or an empty one."""
        value = told.get(key)
        if value is not None and not isinstance(value, list):
            self.note(Kind.BROKEN, key, f"{key} is not a list")
        return value if isinstance(value, list) else []


def load(repository: Repository, path: Path, notes: Notes) -> Document | None:
    """Read a manifest; None, and a note with line and column, if it is none."""
    file = repository.name(path)
    source = repository.text(path, notes, LIMIT)
    if source is None:
        return None
    try:
        top = yaml.safe_load(source) if path.suffix == ".yaml" else _json(source, file, notes)
    except json.JSONDecodeError as error:
        notes.add(Kind.BROKEN, file, error.lineno, f"not JSON: {error.msg} (column {error.colno})")
        return None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        notes.add(Kind.BROKEN, file, mark.line + 1 if mark else 1, f"not YAML: {getattr(error, 'problem', error)}")
        return None
    except RecursionError:
        notes.add(Kind.REFUSED, file, 1, "nested too deeply")
        return None
    except (ValueError, TypeError, OverflowError, AttributeError) as error:
        notes.add(Kind.BROKEN, file, 1, f"cannot be read: {error}")
        return None
    if not isinstance(top, dict):
        notes.add(Kind.BROKEN, file, 1, "the document is not an object")
        return None
    return Document(path, file, source, top, notes)


def _json(source: str, file: str, notes: Notes) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        counts = Counter(key for key, _ in pairs)
        for key in [key for key, count in counts.items() if count > 1][:20]:
            second = source.find(f'"{key}"', source.find(f'"{key}"') + 1)
            line = source.count("\n", 0, max(0, second)) + 1
            notes.add(Kind.BROKEN, file, line, f"key {key} stands twice; the last one counts")
        return dict(pairs)

    return json.loads(source, object_pairs_hook=unique)


def _spellings(value: str) -> set[str]:
    """As JSON writes it, with and without escapes, and as YAML does."""
    return {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], value}


def _digits(value: int | float) -> str:
    """A number as an author would read it; one of too many digits for Python to print is none."""
    try:
        return str(value)
    except ValueError:
        return ""
