"""The shelf: foreign repositories as courses of the catalogue, read where they lie.

VITRINE_FOREIGN_LESSONS names directories, separated by colons; each is a repository, or holds
some. Which courses there are is looked at again after some seconds; of each lesson only the
manifest is read for the map, the whole when somebody opens it, and again when a file of it has
changed.
"""

import hashlib
import os
import re
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from lessons.elements import Course, Lesson
from lessons.errors import LessonNotFound
from lessons.foreign import build, courses, document, manifest, pictures
from lessons.foreign.manifest import Manifest
from lessons.foreign.notes import Notes
from lessons.foreign.repository import Repository
from lessons.outline import Outline, StepOutline, TaskOutline

LOOK_AGAIN = 15  # seconds
LONGEST = 60  # characters of a slug: a lab's row keeps course and lesson


@dataclass(frozen=True)
class Entry:
    """One lesson on the shelf."""

    repository: Repository
    manifest: Path
    course: str
    slug: str


@dataclass(frozen=True)
class Shelved:
    """One course on the shelf."""

    slug: str
    title: str
    summary: str
    entries: dict[str, Entry]


def roots() -> tuple[Path, ...]:
    """The directories the operator named."""
    names = os.environ.get("VITRINE_FOREIGN_LESSONS", "").split(os.pathsep)
    return tuple(Path(name) for name in names if name)


def every() -> dict[str, Shelved]:
    """All courses by slug."""
    named = roots()
    return _every(named, int(time.monotonic() // LOOK_AGAIN)) if named else {}


def course(slug: str) -> Course:
    """A course with the outlines of its lessons."""
    found = _shelved(slug)
    outlines = tuple(outline for entry in found.entries.values() if (outline := _outline(entry)))
    return Course(found.slug, found.title, found.summary, "en", outlines)


def get(course: str, slug: str) -> Lesson:
    """One lesson; LessonNotFound if there is none or its manifest cannot be read."""
    entry = _entry(course, slug)
    lesson = _lesson(entry, _stamp(entry.manifest.parent))
    if lesson is None:
        raise LessonNotFound(f"lesson {slug!r} of course {course!r} cannot be read")
    return lesson


def picture(course: str, slug: str, name: str) -> tuple[bytes, str] | None:
    """Bytes and type of a picture of a lesson's repository."""
    return pictures.load(_entry(course, slug).repository, name)


def repositories(directory: Path) -> list[Repository]:
    """The directory itself if it is a repository, else those in it."""
    signs = (".git", "structure.json", "katacoda.yaml", "index.json", "index.yaml")
    try:
        children = sorted(path for path in directory.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return []
    inside = any((child / name).exists() for child in children for name in courses.MANIFESTS)
    if inside or any((directory / sign).exists() for sign in signs) or any(directory.glob("*-pathway.json")):
        return [Repository.at(directory)]
    return [Repository.at(child) for child in children]


def shelve(repository: Repository, notes: Notes, taken: set[str]) -> list[Shelved]:
    """The courses of one repository, under names that can stand in an address."""
    found = []
    for each in courses.find(repository, notes):
        slug = unique(f"{repository.root.name}-{each.place}" if each.place else repository.root.name, taken)
        lessons: set[str] = set()
        entries = [Entry(repository, path, slug, unique(path.parent.name, lessons)) for path in each.manifests]
        found.append(Shelved(slug, each.title, each.summary, {entry.slug: entry for entry in entries}))
    return found


def unique(name: str, taken: set[str]) -> str:
    """A slug nobody has yet; it is added to those taken."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:LONGEST].strip("-")
    slug = plain or "lesson-" + hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    number, first = 2, slug
    while slug in taken:
        slug, number = f"{first}-{number}", number + 1
    taken.add(slug)
    return slug


@lru_cache(maxsize=4)
def _every(named: tuple[Path, ...], moment: int) -> dict[str, Shelved]:
    taken: set[str] = set()
    shelved = [each for root in named for repository in repositories(root) for each in shelve(repository, Notes(), taken)]
    return {each.slug: each for each in shelved}


def _shelved(slug: str) -> Shelved:
    found = every().get(slug)
    if found is None:
        raise LessonNotFound(f"no course {slug!r}")
    return found


def _entry(course: str, slug: str) -> Entry:
    found = _shelved(course).entries.get(slug)
    if found is None:
        raise LessonNotFound(f"no lesson {slug!r} in course {course!r}")
    return found


def _outline(entry: Entry) -> Outline | None:
    try:
        return _cached_outline(entry, entry.manifest.stat().st_mtime_ns)
    except OSError:
        return None


@lru_cache(maxsize=20_000)
def _cached_outline(entry: Entry, changed: int) -> Outline | None:
    notes = Notes()
    loaded = document.load(entry.repository, entry.manifest, notes)
    if loaded is None:
        return None
    told = manifest.read(loaded, notes)
    if told.unlisted:
        return None
    steps = tuple(_step(told, section, n) for n, section in enumerate(told.sections)) or (StepOutline("intro", told.title),)
    summary, level, minutes = build.plain(told.description), build.level(told.difficulty), build.minutes(told.time)
    return Outline(entry.course, entry.slug, told.title, summary, level, minutes, steps=steps)


def _step(told: Manifest, section: manifest.Section, number: int) -> StepOutline:
    id = build.step_id(told, section, number)
    tasks = (TaskOutline(f"{id}-check", told.challenge),) if section.verify else ()
    return StepOutline(id, section.title or build.TITLES.get(section.kind, ""), tasks)


def _stamp(directory: Path) -> tuple[int, ...]:
    """Changes when a file of the scenario does."""
    found: list[int] = []
    for parent, _, files in os.walk(directory):
        found += [os.stat(os.path.join(parent, name), follow_symlinks=False).st_mtime_ns for name in files]
        if len(found) > 1000:
            break
    return tuple(found)


@lru_cache(maxsize=256)
def _lesson(entry: Entry, stamp: tuple[int, ...]) -> Lesson | None:
    return build.read(entry.repository, entry.manifest, entry.course, entry.slug, Notes())
