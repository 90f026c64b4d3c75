"""The report: per scenario what is used, what is not available here, where; and totals.

Each scenario has a class: A works as its author meant it; B works, with something changed or
left out; C may need the internet, which a sandbox need not have; D can be read, but this site
has no such machine; E is broken, or something in it was refused.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from lessons.elements import Lesson
from lessons.foreign import build, shelf
from lessons.foreign.notes import Kind, Note, Notes

CLASSES = {
    "A": "works as written",
    "B": "works, with something changed or left out",
    "C": "may need the internet",
    "D": "can be read; no such machine here",
    "E": "broken, or something was refused",
}


@dataclass(frozen=True)
class Entry:
    """One scenario of the report."""

    repository: str
    path: str
    title: str
    image: str
    lesson: Lesson | None
    notes: tuple[Note, ...]
    used: dict[str, int]

    @property
    def grade(self) -> str:
        """Its class, A to E."""
        kinds = {note.kind for note in self.notes}
        if self.lesson is None or kinds & {Kind.BROKEN, Kind.REFUSED}:
            return "E"
        if self.lesson.unavailable:
            return "D"
        if any(note.message.startswith("may need the internet") for note in self.notes):
            return "C"
        return "B" if kinds - {Kind.IGNORED} else "A"


@dataclass(frozen=True)
class Report:
    """All scenarios of a directory."""

    entries: tuple[Entry, ...]
    general: tuple[Note, ...]  # of repositories and courses
    seconds: float

    @property
    def totals(self) -> dict[str, int]:
        """Lessons by class."""
        counts = Counter(entry.grade for entry in self.entries)
        return {grade: counts[grade] for grade in CLASSES}

    @property
    def used(self) -> dict[str, int]:
        """Constructs that work here, in all scenarios."""
        total: Counter[str] = Counter()
        for entry in self.entries:
            total.update(entry.used)
        return dict(sorted(total.items()))


def read(directory: Path) -> Report:
    """Read every scenario below a directory."""
    start = time.monotonic()
    general, entries = Notes(), []
    for lesson, notes, shelved in every(directory, general):
        name = shelved.repository.name(shelved.manifest.parent)
        title = lesson.title if lesson else name
        used = {what: number for what, number in sorted(notes.used.items()) if number}
        entries.append(Entry(shelved.repository.root.name, name, title, notes.image, lesson, tuple(sorted(notes.notes)), used))
    return Report(tuple(entries), tuple(sorted(general.notes)), time.monotonic() - start)


def every(directory: Path, general: Notes) -> Iterator[tuple[Lesson | None, Notes, shelf.Entry]]:
    """Every scenario, read, with its notes."""
    taken: set[str] = set()
    for repository in shelf.repositories(directory):
        for course in shelf.shelve(repository, general, taken):
            for entry in course.entries.values():
                notes = Notes()
                yield build.read(entry.repository, entry.manifest, entry.course, entry.slug, notes), notes, entry


def markdown(report: Report) -> str:
    """For people."""
    lines = [f"# {len(report.entries)} scenarios", "", "| class | scenarios | meaning |", "|---|--:|---|"]
    lines += [f"| {grade} | {number} | {CLASSES[grade]} |" for grade, number in report.totals.items()]
    lines += ["", "Used: " + (", ".join(f"{what} {number}" for what, number in report.used.items()) or "nothing") + ".", ""]
    lines += [f"* {_safe(note)}" for note in report.general]
    for entry in report.entries:
        lines += ["", f"## {entry.grade} {_plain(entry.repository)}/{_plain(entry.path)}", ""]
        used = ", ".join(f"{what} {number}" for what, number in entry.used.items())
        lines += [f"{_plain(entry.title)}. Image: {entry.image}. {'Used: ' + used + '.' if used else ''}".rstrip(), ""]
        lines += [f"* {_safe(note)}" for note in entry.notes]
    return "\n".join(lines) + f"\n\nRead in {report.seconds:.1f} s.\n"


def as_json(report: Report) -> str:
    """For programs."""
    scenarios = [
        {
            "repository": entry.repository, "path": entry.path, "title": entry.title, "class": entry.grade,
            "image": entry.image, "used": entry.used, "notes": [_note(note) for note in entry.notes],
        }
        for entry in report.entries
    ]  # fmt: skip
    whole = {
        "totals": report.totals, "used": report.used, "seconds": round(report.seconds, 2),
        "notes": [_note(note) for note in report.general], "scenarios": scenarios,
    }  # fmt: skip
    return json.dumps(whole, ensure_ascii=False, indent=1).encode("utf-8", "replace").decode() + "\n"


def junit(report: Report) -> str:
    """For CI: broken scenarios fail, those without a machine here are skipped."""
    failures, skipped = report.totals["E"], report.totals["D"]
    suite = ElementTree.Element(
        "testsuite", name="import", tests=str(len(report.entries)), failures=str(failures), skipped=str(skipped)
    )
    for entry in report.entries:
        case = ElementTree.SubElement(suite, "testcase", classname=_plain(entry.repository), name=_plain(entry.path))
        words = "\n".join(_plain(str(note)) for note in entry.notes)
        if entry.grade == "E":
            ElementTree.SubElement(case, "failure", message="broken or refused").text = words
        elif entry.grade == "D":
            ElementTree.SubElement(case, "skipped", message="no such machine here").text = words
        elif words:
            ElementTree.SubElement(case, "system-out").text = words
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"


def _note(note: Note) -> dict[str, object]:
    return {"file": note.file, "line": note.line, "kind": str(note.kind), "message": note.message}


def _plain(text: str) -> str:
    """Printable, on one line: file names are foreign, too."""
    return "".join(char if char.isprintable() and not 0xD800 <= ord(char) < 0xE000 else "?" for char in text)


def _safe(note: Note) -> str:
    return _plain(str(note)).replace("<", "\\<").replace("`", "\\`")
