"""What a learner has done: kept by `lessons.models`, written from labs, shown on the pages.

A lab ends, or is lost; what was done in it is the learner's and stays. The next lab of the same
lesson begins with it: done tasks are ticked, answered questions are marked, and the page opens
at the step where she stopped.
"""

from dataclasses import dataclass
from typing import Any

from labsite.labs.lessonbook import of_lab
from labsite.labs.models import LabSession
from lessons.catalog import Course, Lesson
from lessons.models import Bookmark
from lessons.models import Progress as Row

Done = set[tuple[str, str, str]]  # (course, lesson, task)


@dataclass(frozen=True)
class Progress:
    """Tasks passed, in whichever lab, of those the lesson has."""

    done: int
    total: int

    @property
    def complete(self) -> bool:
        """Nothing is left to do."""
        return 0 < self.total == self.done


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

    @property
    def certifiable(self) -> bool:
        """Has she finished a lesson of it?"""
        return any(lesson.progress.complete for lesson in self.lessons)


@dataclass(frozen=True)
class Standing:
    """How far one learner is in one lesson: what is done, where she stopped."""

    tasks: frozenset[str] = frozenset()
    quizzes: frozenset[str] = frozenset()
    step: str = ""

    def begun(self, lesson: Lesson) -> bool:
        """Has she done more than open its first step?"""
        return bool(self.tasks or self.quizzes or (self.step and self.step != lesson.steps[0].id))

    def finished(self, step: Any) -> bool:
        """Are its tasks done, or, where it has none, its questions? A step with nothing to do never is."""
        wanted = [each.id in self.tasks for each in step.tasks] or [each.id in self.quizzes for each in step.quizzes]
        return bool(wanted) and all(wanted)


def task_done(lab: LabSession, step: str, task: str) -> None:
    """A check passed in this lab."""
    if lesson := of_lab(lab):
        Row.objects.note(lab.user, lesson, step, task)


def quiz_done(user: Any, lesson: Lesson, quiz: str) -> None:
    """A question was answered rightly; a visitor without a row is not remembered."""
    step = next((each.id for each in lesson.steps if any(found.id == quiz for found in each.quizzes)), "")
    if user.is_authenticated and step:
        Row.objects.note(user, lesson, step, quiz, kind=Row.Kind.QUIZ)


def step_opened(lab: LabSession, step: str) -> None:
    """The page of this lab shows that step now."""
    lesson = of_lab(lab)
    if lesson and lesson.step(step):
        Bookmark.objects.put(lab.user, lesson, step)


def standing(user: Any, lesson: Lesson) -> Standing:
    """Where this user stands in a lesson."""
    if not user.is_authenticated:
        return Standing()
    tasks, quizzes = (frozenset(Row.objects.done(user, lesson, kind)) for kind in (Row.Kind.TASK, Row.Kind.QUIZ))
    return Standing(tasks, quizzes, Bookmark.objects.step_of(user, lesson))


def cards(courses: list[Course], user: Any) -> list[CourseCard]:
    """The courses as this user sees them."""
    passed = passed_tasks(user)
    return [
        CourseCard(each.slug, each.title, each.summary, [_card(lesson, passed) for lesson in each.lessons]) for each in courses
    ]


def passed_tasks(user: Any) -> Done:
    """(course, lesson, task) of everything the user ever passed."""
    if not user.is_authenticated:
        return set()
    rows = Row.objects.filter(user_id=user.pk, kind=Row.Kind.TASK)
    return set(rows.values_list("course", "lesson", "item"))


def of_lesson(lesson: Any, passed: Done) -> Progress:
    """How far the user is in a lesson; tasks it no longer has do not count."""
    tasks = [(lesson.course, lesson.slug, task.id) for task in lesson.tasks]
    return Progress(len(passed.intersection(tasks)), len(tasks))


def _card(lesson: Any, passed: Done) -> LessonCard:
    words = (lesson.course, lesson.slug, lesson.title, lesson.summary, lesson.level, lesson.minutes)
    return LessonCard(*words, progress=of_lesson(lesson, passed))
