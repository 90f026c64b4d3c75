"""Courses: `course.yaml`, or a directory of lessons without one.

title, summary, translations     words for the map of lessons
lessons                          directories or files in their order; {path, title} renames one
defaults                         any key of front matter, for every lesson
include                          scripts put before every check and setup of their language
run-default                      every sh, bash and console block has Run
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lessons import frontmatter
from lessons.errors import Faults
from lessons.head import Head, load
from lessons.places import Places
from lessons.source import Include
from lessons.suggest import near

KEYS = {"title", "summary", "translations", "lessons", "defaults", "include", "run-default"}
NOT_FOR_ALL = {"title", "files", "setup", "steps"}  # these belong to one lesson


@dataclass(frozen=True)
class Entry:
    """A lesson of a course: its slug, the directory or file it lies in, a title of its own."""

    slug: str
    place: Path
    title: str = ""
    root: Path | None = None  # nothing outside is read; by default the course's directory
    edition: str = ""  # of a lesson of the desk (see lessons.editions)

    def file(self, language: str) -> Path:
        """The file in a language; it may not exist."""
        suffix = ".md" if language == "en" else f".{language}.md"
        if self.place.suffix == ".md":
            return self.place.with_name(self.place.stem + suffix)
        return self.place / f"lesson{suffix}"


@dataclass(frozen=True)
class Settings:
    """What a course says of itself and of its lessons."""

    slug: str
    directory: Path
    entries: dict[str, Entry]
    words: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    include: Include = field(default_factory=Include)
    run_default: bool = False
    files: tuple[Path, ...] = ()  # what several lessons may have been read from

    def say(self, key: str, language: str) -> str:
        """Title or summary in a language."""
        translated = self.words.get("translations", {}).get(language, {})
        return str(translated.get(key) or self.words.get(key) or "")


def read(directory: Path) -> Settings:
    """The course in a directory; LessonErrors with all that is wrong in its course.yaml."""
    path = directory / "course.yaml"
    faults = Faults(path)
    head = load(path.read_text(encoding="utf-8"), 1, faults, "course.yaml") if path.is_file() else Head(faults)
    head.known(KEYS, "in course.yaml")
    settings = Settings(
        directory.name,
        directory,
        _entries(head, directory),
        {"title": directory.name.replace("-", " ").capitalize(), **_words(head)},
        _defaults(head),
        _include(head, directory),
        head.data.get("run-default") is True,
        _shared(directory),
    )
    if not isinstance(head.data.get("run-default", False), bool):
        head.fault("run-default is true or false", "run-default")
    faults.raise_if_any()
    return settings


def _shared(directory: Path) -> tuple[Path, ...]:
    """The course's own files, and those of directories that are no lesson."""
    places = sorted(directory.iterdir()) if directory.is_dir() else []
    shared = [path for place in places if place.is_dir() and not (place / "lesson.md").exists() for path in place.rglob("*")]
    return tuple(path for path in (*places, *shared) if path.is_file())[:1000]


def _words(head: Head) -> dict[str, Any]:
    words = {key: head.data[key] for key in ("title", "summary") if key in head.data}
    translations = head.data.get("translations") or {}
    if not isinstance(translations, dict) or not all(isinstance(each, dict) for each in translations.values()):
        head.fault("translations is a list of `zh-hans: {title: …, summary: …}`", "translations")
        translations = {}
    return words | {"translations": translations}


def _entries(head: Head, directory: Path) -> dict[str, Entry]:
    """The lessons named, or without a list every one there is, by name."""
    if "lessons" not in head.data:
        found = sorted(path.parent for path in directory.glob("*/lesson.md"))
        return {place.name: Entry(place.name, place) for place in found}
    entries: dict[str, Entry] = {}
    for n, item in enumerate(head.data["lessons"] or ()):
        wanted = item if isinstance(item, dict) else {"path": item}
        head.known({"path", "title"}, "of a lesson of the course", "lessons", n, data=wanted)
        entry = _entry(directory, str(wanted.get("path", "")), str(wanted.get("title", "")))
        if entry is None:
            names = [path.parent.name for path in directory.glob("*/lesson.md")]
            head.fault(f"lessons: there is no lesson {wanted.get('path')!r}{near(wanted.get('path'), names)}", "lessons", n)
        elif entry.slug in entries:
            head.fault(f"lessons: {entry.slug} is named twice", "lessons", n)
        else:
            entries[entry.slug] = entry
    return entries


def _entry(directory: Path, name: str, title: str) -> Entry | None:
    if not name:
        return None
    found, _ = Places(directory, directory).find(name, tree=True)
    if found is None or not (found.suffix == ".md" or (found / "lesson.md").is_file()):
        return None
    return Entry(found.stem if found.suffix == ".md" else found.name, found, title)


def _defaults(head: Head) -> dict[str, Any]:
    """Checked by the same rules as a lesson's own front matter, where they stand."""
    defaults = head.data.get("defaults") or {}
    if not isinstance(defaults, dict):
        head.fault("defaults is a list of `key: value` lines", "defaults")
        return {}
    lines = {place[1:]: line for place, line in head.lines.items() if place[0] == "defaults" and len(place) > 1}
    frontmatter.check(Head(head.faults, defaults, lines))
    for key in defaults.keys() & NOT_FOR_ALL:
        head.fault(f"defaults: {key} belongs to one lesson", "defaults", key)
    return defaults


def _include(head: Head, directory: Path) -> Include:
    names = head.data.get("include") or []
    parts = {"sh": "", "py": ""}
    for n, name in enumerate(names if isinstance(names, list) else [names]):
        text, why = Places(directory, directory).text(str(name))
        kind = str(name).rpartition(".")[2]
        if why or kind not in parts:
            head.fault(f"include: {why or f'{name} is neither .sh nor .py'}", "include", n)
            continue
        parts[kind] += text.rstrip("\n") + "\n"
    return Include(parts["sh"], parts["py"])
