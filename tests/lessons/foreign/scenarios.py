"""Small scenarios for the tests to change one thing in."""

import json
from pathlib import Path
from typing import Any

from lessons.elements import Lesson
from lessons.foreign import build, markdown
from lessons.foreign.notes import Kind, Notes
from lessons.foreign.repository import Repository

FIXTURES = Path(__file__).parent / "fixtures"


def manifest(**changes: Any) -> dict[str, Any]:
    """An index.json of one step."""
    details = {"steps": [{"title": "One", "text": "step.md"}], **changes.pop("details", {})}
    return {"title": "T", "details": details, "backend": {"imageid": "ubuntu"}, **changes}


def read(root: Path, told: dict[str, Any] | str | bytes | None = None, **files: str | bytes) -> tuple[Lesson | None, Notes]:
    """Write a scenario `s` with these files (`_` in a name is a dot, `__` a slash) and read it."""
    directory = root / "s"
    directory.mkdir(exist_ok=True)
    for name, content in {"step_md": "Text.\n", **files}.items():
        path = directory / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    told = manifest() if told is None else told
    source = json.dumps(told, indent=1) if isinstance(told, dict) else told
    (directory / "index.json").write_bytes(source if isinstance(source, bytes) else source.encode())
    notes = Notes()
    return build.read(Repository.at(root), directory / "index.json", "c", "s", notes), notes


def rendered(text: str, machines: int = 1) -> tuple[markdown.Rendered, list[tuple[int, str]]]:
    """A text alone: what it becomes, and the notes as (line, message)."""
    notes = Notes()
    place = markdown.Place("step.md", "step-1", ("ubuntu", "host02")[:machines], "/root", lambda source: None)
    found = markdown.render(text, place, notes)
    return found, [(note.line, note.message) for note in notes.of(*Kind)]


def commands(text: str) -> list[str]:
    """The commands a text offers to run."""
    return [action.command for action in rendered(text)[0].actions]
