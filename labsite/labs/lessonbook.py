"""Lessons as labs need them: by the path `course/lesson` that a lab's row keeps."""

import logging

from django.utils.translation import get_language

from labsite.labs.models import LabSession
from lessons import catalog
from lessons.catalog import Lesson
from lessons.errors import LessonErrors, LessonNotFound

READER = "reader"  # draws the values of a lesson that is only read
log = logging.getLogger(__name__)


def find(path: str, language: str | None = None, seed: str | None = None, edition: str = "") -> Lesson | None:
    """The lesson of that path; a lone slug is looked for in every course."""
    language = language or get_language() or "en"
    course, _, slug = path.rpartition("/")
    courses = [course] if course else catalog.names()
    for each in courses:
        try:
            return catalog.get(each, slug, language, seed=seed, edition=edition)
        except LessonNotFound:
            continue
        except LessonErrors as errors:  # an author's slip: the lesson is gone until it is mended
            log.error("lesson %s/%s cannot be read: %s", each, slug, errors)
    return None


def path_of(lesson: Lesson) -> str:
    """What a lab's row keeps of a lesson."""
    return f"{lesson.course}/{lesson.slug}"


def of_lab(lab: LabSession, language: str | None = None) -> Lesson | None:
    """The lesson of a lab, with the values of this attempt; None if it was withdrawn."""
    return find(lab.lesson, language, seed=lab.code, edition=lab.edition)
