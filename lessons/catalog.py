"""The catalogue: the one door to courses and lessons.

    catalog.courses("en")                         every course, its lessons in order
    catalog.get("containers", "namespaces", "zh-hans")   one lesson in one language

A lesson lives in `content/<course>/<lesson>/lesson.md`; a translation beside it as
`lesson.<language>.md`. A lesson without a translation is served in English. Files are
read again only when they have changed.
"""

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from lessons.elements import (  # noqa: F401  (the catalogue's vocabulary)
    Check,
    Course,
    Lesson,
    Machine,
    Option,
    Quiz,
    Run,
    Solution,
    Step,
    Task,
    Wrong,
)
from lessons.errors import LessonNotFound
from lessons.reader import read_lesson

CONTENT = Path(os.environ.get("VITRINE_LESSONS") or Path(__file__).parent / "content")
LANGUAGES = ("en", "zh-hans")


def get(course: str, slug: str, language: str = "en", *, seed: str | None = None) -> Lesson:
    """One lesson; with a seed, as that attempt sees it."""
    settings = _settings(course)
    if slug not in settings["lessons"]:
        raise LessonNotFound(f"no lesson {slug!r} in course {course!r}")
    lesson = _read(course, slug, _language(language))
    return lesson if seed is None else lesson.bound(seed)


def courses(language: str = "en") -> list[Course]:
    """Every course, by the name of its directory."""
    names = sorted(path.parent.name for path in CONTENT.glob("*/course.yaml"))
    return [course(name, language) for name in names]


def course(slug: str, language: str = "en") -> Course:
    """One course with all its lessons."""
    language = _language(language)
    settings = _settings(slug)
    words = {**settings, **settings.get("translations", {}).get(language, {})}
    lessons = tuple(_read(slug, name, language) for name in settings["lessons"])
    return Course(slug, words["title"], words.get("summary", ""), language, lessons)


def lesson_file(course: str, slug: str, language: str) -> Path:
    """The file of a lesson in a language, or the English one."""
    directory = CONTENT / course / slug
    translated = directory / f"lesson.{language}.md"
    return translated if translated.exists() else directory / "lesson.md"


def _language(wanted: str) -> str:
    """The nearest language we have: zh, zh-CN and zh_Hans are all zh-hans."""
    wanted = wanted.lower().replace("_", "-")
    return "zh-hans" if wanted.split("-")[0] == "zh" else "en"


def _settings(course: str) -> dict[str, Any]:
    path = CONTENT / course / "course.yaml"
    if Path(course).name != course or not path.is_file():
        raise LessonNotFound(f"no course {course!r}")
    return _cached_settings(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _cached_settings(path: Path, changed: int) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _read(course: str, slug: str, language: str) -> Lesson:
    path = lesson_file(course, slug, language)
    defaults = path.parent.parent / "course.yaml"
    stamp = (path.stat().st_mtime_ns, defaults.stat().st_mtime_ns)
    return _cached_lesson(path, course, slug, language, stamp)


@lru_cache(maxsize=512)
def _cached_lesson(path: Path, course: str, slug: str, language: str, stamp: tuple) -> Lesson:
    defaults = _settings(course).get("defaults", {})
    return read_lesson(path, course=course, slug=slug, language=language, defaults=defaults)
