"""Which lessons are meant, and what is wrong with them."""

from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.core.management.base import CommandError

from labsite.labs import gateway, recipe
from lessons import catalog, lint
from lessons.catalog import Lesson
from lessons.errors import LessonError, LessonErrors, LessonNote
from lessons.suggest import near


@dataclass
class Reading:
    """The lessons that could be read, and the faults of all."""

    lessons: list[Lesson] = field(default_factory=list)
    faults: list[LessonError] = field(default_factory=list)
    notes: list[LessonNote] = field(default_factory=list)


def add_arguments(parser: ArgumentParser) -> None:
    """Names and a language."""
    parser.add_argument("lessons", nargs="*", help="course/lesson, or a course; all by default")
    parser.add_argument("--language", choices=catalog.LANGUAGES, help="only this language")


def read(options: dict[str, Any]) -> Reading:
    """Every wanted file in every language, with all that is wrong with them."""
    found = Reading()
    for course, slug in wanted(options["lessons"], found):
        for language in [options["language"]] if options["language"] else catalog.LANGUAGES:
            _read_one(course, slug, language, found)
        if not options["language"]:
            _compare(course, slug, found)
    return found


def _compare(course: str, slug: str, found: Reading) -> None:
    """What differs in a translation; what is not translated yet is a note and no fault."""
    for each in lint.differences(course, slug):
        if isinstance(each, LessonNote):
            found.notes.append(each)
        else:
            found.faults.append(each)


def _read_one(course: str, slug: str, language: str, found: Reading) -> None:
    settings = catalog.settings_of(course)
    if not settings.entries[slug].file(language).exists():
        if language == "en":
            found.faults.append(LessonError(settings.entries[slug].file(language), 1, "there is no such file"))
        return
    try:
        lesson = catalog.read_file(settings, slug, language)
        served = catalog.get(course, slug, language)
    except LessonErrors as errors:
        found.faults += errors.errors
        return
    found.lessons.append(served)
    found.faults += [*lint.faults(lesson), *lint.shellcheck(lesson)]
    found.faults += [LessonError(lesson.path, 1, why) for why in recipe.refusals(lesson)]
    missing = {machine.image for machine in lesson.machines if not gateway.has_image(recipe.image_for(machine.image))}
    found.notes += [LessonNote(lesson.path, 1, f"this server has no image {name!r}") for name in sorted(missing)]


def wanted(names: list[str], found: Reading) -> Iterator[tuple[str, str]]:
    """(course, lesson) for each name; all there are without any. A faulty course.yaml is a fault."""
    known = {}
    for course in catalog.names():
        try:
            known[course] = list(catalog.settings_of(course).entries)
        except LessonErrors as errors:
            found.faults += errors.errors
    paths = [f"{course}/{slug}" for course, slugs in known.items() for slug in slugs]
    for name in names or list(known):
        name = name.strip("/")
        if name in known:
            yield from ((name, slug) for slug in known[name])
        elif name in paths:
            course, _, slug = name.partition("/")
            yield course, slug
        elif not found.faults:
            raise CommandError(f"no lesson {name}{near(name, [*paths, *known])}")
