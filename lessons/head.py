"""The head of a file as YAML that remembers its lines.

YAML itself forgets where a value stood and lets a second key win over the first in silence;
so the text is composed into nodes first, and every key's line is kept.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from lessons.errors import Faults
from lessons.suggest import listed, near

Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Path = tuple[str | int, ...]
DEPTH = 50


@dataclass
class Head:
    """Data, the line of each key, and where to complain."""

    faults: Faults
    data: dict[str, Any] = field(default_factory=dict)
    lines: dict[Path, int] = field(default_factory=dict)
    readable: bool = False  # was there a mapping at all?

    def line(self, *path: str | int) -> int:
        """The line a key stands on; that of its nearest parent if it is not in this file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def fault(self, message: str, *path: str | int) -> None:
        """Something is wrong with the value at this path."""
        self.faults.add(self.line(*path), message)

    def known(self, names: set[str], what: str, *path: str | int, data: Any = None) -> bool:
        """Are all keys of a mapping known? Each other one is a fault of its own."""
        mapping = self.data if data is None else data
        strange = [key for key in mapping if key not in names]
        for key in strange:
            tail = near(key, names) or f" (known: {listed(names)})"
            self.fault(f"unknown key {key!r} {what}{tail}", *path, key)
        return not strange


def load(text: str, first_line: int, faults: Faults, what: str) -> Head:
    """Read a mapping; `first_line` is the line of the file the text begins on."""
    head = Head(faults)
    try:
        for line, words in _excess(text):
            faults.add(line + first_line, f"{what} {words}")
            return head
        node = yaml.compose(text, Loader=Loader)
        data = yaml.load(text, Loader=Loader) if node is not None else {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        faults.add(mark.line + first_line if mark else first_line, f"{what} is not YAML: {_short(error)}")
        return head
    if not isinstance(data, dict):
        faults.add(first_line, f"{what} is a list of `key: value` lines")
        return head
    _note(node, (), first_line, head)
    head.data, head.readable = data, True
    return head


def _excess(text: str) -> Iterator[tuple[int, str]]:
    """What would cost more than it is worth. A few lines of aliases to aliases stand for gigabytes, so there are none."""
    depth = 0
    for event in yaml.parse(text, Loader=Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent):
            yield event.start_mark.line, "has an alias (*name): write the value out"
        elif depth > DEPTH:
            yield event.start_mark.line, f"is nested more than {DEPTH} deep"


def _short(error: yaml.YAMLError) -> str:
    return " ".join(str(part) for part in (getattr(error, "context", ""), getattr(error, "problem", "")) if part)


def _note(node: Any, path: Path, first: int, head: Head) -> None:
    """Remember the line of every key below a node; a key written twice is a fault."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            place = (*path, key.value)
            if place in head.lines:
                head.faults.add(key.start_mark.line + first, f"key {key.value!r} is given twice")
            head.lines[place] = key.start_mark.line + first
            _note(value, place, first, head)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            head.lines[(*path, number)] = item.start_mark.line + first
            _note(item, (*path, number), first, head)
