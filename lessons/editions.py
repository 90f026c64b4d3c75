"""Editions: lessons written at the desk, as folders that never change once written.

    VITRINE_STATE/desk/editions/<edition>/<slug>/lesson.md    every version that was saved
    VITRINE_STATE/desk/published.json                         {slug: edition}, what the map shows

A lab keeps the edition it began with, so an author may publish under the feet of a class. Each
edition is a course's directory of its own: nothing in it can name a file of another author.
"""

import json
import os
import tempfile
from pathlib import Path

from lessons.courses import Entry, Settings
from lessons.errors import LessonNotFound

COURSE = "desk"
WORDS = {
    "title": "From the authors of this site",
    "summary": "Lessons written here, at the authoring desk.",
    "translations": {"zh-hans": {"title": "本站作者的课程", "summary": "在本站编写台上写成的课程。"}},
}


def root() -> Path:
    """Where the desk keeps its folders."""
    return Path(os.environ.get("VITRINE_STATE", "/var/lib/vitrine")) / "desk"


def folder(edition: str) -> Path:
    """The directory of one edition."""
    if not edition.isalnum():
        raise LessonNotFound(f"no edition {edition!r}")
    return root() / "editions" / edition


def published() -> dict[str, str]:
    """The edition that is published of each slug."""
    try:
        found = json.loads((root() / "published.json").read_text())
    except FileNotFoundError:
        return {}
    return {str(slug): str(edition) for slug, edition in found.items()}


def publish(slug: str, edition: str) -> None:
    """Show this edition on the map; an empty one takes the lesson off. The caller lets one in at a time."""
    table = published() | {slug: edition}
    place = root()
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=place, delete=False) as file:
        json.dump({name: each for name, each in table.items() if each}, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(file.name, place / "published.json")


def settings(edition: str = "") -> Settings:
    """The course of what is published, or of a single edition."""
    if edition:
        found = {path.parent.name: edition for path in folder(edition).glob("*/lesson.md")}
    else:
        found = published()
    if not found:
        raise LessonNotFound(f"no edition {edition!r}" if edition else "nothing of the desk is published")
    entries = {slug: _entry(slug, each) for slug, each in sorted(found.items())}
    return Settings(COURSE, folder(edition) if edition else root(), entries, WORDS)


def _entry(slug: str, edition: str) -> Entry:
    place = folder(edition)
    return Entry(slug, place / slug, root=place, edition=edition)
