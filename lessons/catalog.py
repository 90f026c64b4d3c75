"""The catalogue: the one door to courses and lessons.

    catalog.courses("en")                         every course, outlines of its lessons in order
    catalog.get("containers", "namespaces", "zh-hans")   one lesson in one language

A lesson lives in `content/<course>/<lesson>/lesson.md`; a translation beside it as
`lesson.<language>.md`. A step that is not translated is served in English, and a lesson with
faults is left out of the map and reported to the log: one author's slip never takes the site
down. Files are read again only when they have changed. Lessons of other platforms come from
`lessons.foreign.shelf` and are lessons like any other.
"""

import logging
import os
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from lessons import courses as course_files
from lessons import editions, outline, translation
from lessons.courses import Settings
from lessons.elements import (  # noqa: F401  (the catalogue's vocabulary)
    Check,
    Course,
    FileCopy,
    Keys,
    Lesson,
    Machine,
    Option,
    Quiz,
    Run,
    Save,
    Solution,
    Step,
    Task,
    Terminal,
    Wrong,
)
from lessons.errors import LessonErrors, LessonNotFound
from lessons.foreign import shelf
from lessons.links import PICTURES
from lessons.outline import Outline
from lessons.places import Places
from lessons.reader import read_lesson

log = logging.getLogger(__name__)

CONTENT = Path(os.environ.get("VITRINE_LESSONS") or Path(__file__).parent / "content")
LANGUAGES = ("en", "zh-hans")
LARGEST_PICTURE = 8 << 20
T = TypeVar("T")
_read: dict[tuple[Any, ...], tuple[Any, Any]] = {}  # key → (what the files were like, what was read)


def get(course: str, slug: str, language: str = "en", *, seed: str | None = None, edition: str = "") -> Lesson:
    """One lesson; with a seed, as that attempt sees it. LessonErrors if its file is faulty."""
    if _is_foreign(course):
        return shelf.get(course, slug)
    settings = editions.settings(edition) if edition else settings_of(course)
    if slug not in settings.entries:
        raise LessonNotFound(f"no lesson {slug!r} in course {course!r}")
    wanted = _language(language)
    key = ("lesson", course, slug, wanted, edition)
    lesson = _fresh(key, lambda: changed_at(settings, slug), lambda: _lesson(settings, slug, wanted))
    return lesson if seed is None else _bound(lesson.path, changed_at(settings, slug), course, slug, wanted, seed, edition)


def courses(language: str = "en") -> list[Course]:
    """Every course, by the name of its directory; a faulty one is left out and reported."""
    found = []
    for name in (*names(), *sorted(shelf.every().keys() - set(names()))):
        try:
            found.append(course(name, language))
        except LessonErrors as errors:
            log.error("course left out: %s", errors)
    return found


def names() -> list[str]:
    """The directories that are courses."""
    with_file = {path.parent.name for path in CONTENT.glob("*/course.yaml")}
    ours = sorted(with_file | {path.parent.parent.name for path in CONTENT.glob("*/*/lesson.md")})
    return ours if editions.COURSE in ours or not editions.published() else [*ours, editions.COURSE]


def course(slug: str, language: str = "en") -> Course:
    """One course with the outlines of its lessons."""
    if _is_foreign(slug):
        return shelf.course(slug)
    language, settings = _language(language), settings_of(slug)
    lessons = tuple(each for name in settings.entries if (each := _outline(settings, name, language)))
    return Course(slug, settings.say("title", language), settings.say("summary", language), language, lessons)


def _is_foreign(course: str) -> bool:
    """Is it a course of the foreign shelf? A course of our own format goes before one of that name."""
    return course in shelf.every() and course not in names()


def settings_of(course: str) -> Settings:
    """What a course says of itself."""
    directory = CONTENT / course
    if course == editions.COURSE and not directory.is_dir():
        return editions.settings()
    if Path(course).name != course or course.startswith(".") or not directory.is_dir():
        raise LessonNotFound(f"no course {course!r}")
    path = directory / "course.yaml"
    known = _read.get(("course", directory))
    files = known[1].files if known else ()
    stamp = lambda: _changed(path, directory, *files)  # noqa: E731
    settings: Settings = _fresh(("course", directory), stamp, lambda: course_files.read(directory))
    if not settings.entries and not path.is_file():
        raise LessonNotFound(f"no course {course!r}")
    return settings


def lesson_file(course: str, slug: str, language: str) -> Path:
    """The file of a lesson in a language, or the English one."""
    entry = settings_of(course).entries[slug]
    return entry.file(language) if entry.file(language).exists() else entry.file("en")


def picture(course: str, slug: str, name: str) -> tuple[bytes, str] | None:
    """A picture beside a lesson and its media type; None for whatever is none."""
    kind = PICTURES.get(Path(name).suffix.lower())
    try:
        settings = settings_of(course)
        entry = settings.entries[slug]
        place = entry.file("en").parent
    except (LessonNotFound, LessonErrors, KeyError):
        return None
    path, _ = Places(place, entry.root or settings.directory).find(name)
    if kind is None or path is None or path.stat().st_size > LARGEST_PICTURE:
        return None
    return path.read_bytes(), kind


def read_file(settings: Settings, slug: str, language: str) -> Lesson:
    """Exactly the file of that language, without any falling back; for authors' tools.

    A translation need not repeat what a machine reads: it has the front matter of the original.
    """
    entry = settings.entries[slug]
    inherited = {} if language == "en" else translation.inherited(entry.file("en"))
    return read_lesson(
        entry.file(language),
        course=settings.slug,
        slug=slug,
        language=language,
        defaults={**settings.defaults, **inherited},
        include=settings.include,
        run_default=settings.run_default,
        root=entry.root or settings.directory,
        partial=language != "en",
    )


def _lesson(settings: Settings, slug: str, language: str) -> Lesson:
    """The lesson in a language; what is not translated, or wrongly so, in English."""
    original = translation.renamed(read_file(settings, slug, "en"), settings.entries[slug].title)
    original = replace(original, edition=settings.entries[slug].edition)
    if language == "en" or not settings.entries[slug].file(language).exists():
        return original
    try:
        return translation.merged(original, read_file(settings, slug, language))
    except LessonErrors as errors:
        log.error("translation not used: %s", errors)
        return original


def _outline(settings: Settings, slug: str, language: str) -> Outline | None:
    """What the map shows: steps and sizes of the original, words of the translation."""
    entry = settings.entries[slug]
    original = _read_outline(settings, slug, "en")
    if language == "en" or original is None or not entry.file(language).exists():
        return original
    translated = _read_outline(settings, slug, language)
    return translation.merged_outline(original, translated) if translated else original


def _read_outline(settings: Settings, slug: str, language: str) -> Outline | None:
    entry = settings.entries[slug]
    file = entry.file(language)

    def read() -> Outline | None:
        try:
            found = outline.read(file, settings.slug, slug, language, settings.defaults)
        except (ValueError, OSError) as error:
            log.error("lesson left out: %s", error)
            return None
        return translation.renamed(found, entry.title) if language == "en" else found

    return _fresh(("outline", file), lambda: _changed(file, settings.directory / "course.yaml"), read)


@lru_cache(maxsize=256)
def _bound(path: Path, stamp: Any, course: str, slug: str, language: str, seed: str, edition: str) -> Lesson:
    """A lesson with the values of one attempt: asked for at every check, so kept a while."""
    return get(course, slug, language, edition=edition).bound(seed)


def _language(wanted: str) -> str:
    """The nearest language we have: zh, zh-CN and zh_Hans are all zh-hans."""
    wanted = wanted.lower().replace("_", "-")
    return "zh-hans" if wanted.split("-")[0] == "zh" else "en"


def changed_at(settings: Settings, slug: str) -> tuple[int, ...]:
    """Changes when any file does that the lesson may have been read from."""
    place = settings.entries[slug].place
    own = sorted(place.rglob("*")) if place.is_dir() else [settings.entries[slug].file(each) for each in LANGUAGES]
    return _changed(settings.directory, *settings.files, *own[:500])


def _changed(*paths: Path) -> tuple[int, ...]:
    """When each was last written; 0 for one that is not there."""
    found = []
    for path in paths:
        try:
            found.append(path.stat().st_mtime_ns)
        except FileNotFoundError:
            found.append(0)
    return tuple(found)


def _fresh(key: tuple[Any, ...], stamp: Callable[[], Any], read: Callable[[], T]) -> T:
    """What was read before, unless the files have changed since."""
    now = stamp()
    known = _read.get(key)
    if known is None or known[0] != now:
        known = _read[key] = (now, read())
    return known[1]
