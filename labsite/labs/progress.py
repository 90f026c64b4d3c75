"""What a learner has done: the lessons of a course as cards, each with its tasks done so far."""

from dataclasses import dataclass
from typing import Any

from labsite.labs.lessonbook import path_of
from labsite.labs.models import TaskResult
from lessons.catalog import Course, Lesson


@dataclass(frozen=True)
class Progress:
    """Tasks passed, in whichever lab, of those the lesson has."""

    done: int
    total: int


@dataclass(frozen=True)
class LessonCard:
    """A lesson on the map."""

    course: str
    slug: str
    title: str
    summary: str
    level: str
    minutes: int
    progress: Progress


@dataclass(frozen=True)
class CourseCard:
    """A course on the map."""

    slug: str
    title: str
    summary: str
    lessons: list[LessonCard]


def cards(courses: list[Course], user: Any) -> list[CourseCard]:
    """The courses as this user sees them."""
    passed = passed_tasks(user)
    return [
        CourseCard(each.slug, each.title, each.summary, [_card(lesson, passed) for lesson in each.lessons]) for each in courses
    ]


def passed_tasks(user: Any) -> set[tuple[str, str, str]]:
    """(lesson, step, task) of everything the user ever passed."""
    if not user.is_authenticated:
        return set()
    results = TaskResult.objects.filter(lab__user_id=user.pk).exclude(passed_at=None)
    return set(results.values_list("lab__lesson", "step", "task"))


def of_lesson(lesson: Lesson, passed: set[tuple[str, str, str]]) -> Progress:
    """How far the user is in a lesson; tasks it no longer has do not count."""
    tasks = [(path_of(lesson), step.id, task.id) for step in lesson.steps for task in step.tasks]
    return Progress(len(passed.intersection(tasks)), len(tasks))


def _card(lesson: Lesson, passed: set[tuple[str, str, str]]) -> LessonCard:
    words = (lesson.course, lesson.slug, lesson.title, lesson.summary, lesson.level, lesson.minutes)
    return LessonCard(*words, progress=of_lesson(lesson, passed))
