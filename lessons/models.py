"""What a learner has finished and where she stopped, kept when her labs are long gone.

A lab's row dies with its lab; these are the learner's own. `TaskResult` of the labs app says
what a check last answered in one lab, `Progress` that a thing was done at all.
"""

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from lessons.elements import Lesson


class ProgressManager(models.Manager["Progress"]):
    """Notes and tells what was done."""

    def note(self, user: models.Model, lesson: Lesson, step: str, item: str, kind: str = "task") -> bool:
        """Note a task or a question as done; False if it was noted before."""
        where = {"course": lesson.course, "lesson": lesson.slug, "kind": kind, "item": item}
        return self.get_or_create(user=user, **where, defaults={"step": step})[1]

    def done(self, user: models.Model, lesson: Lesson, kind: str = "task") -> set[str]:
        """The tasks (or the questions) of this lesson she has done in any attempt, by id."""
        rows = self.filter(user=user, course=lesson.course, lesson=lesson.slug, kind=kind)
        return set(rows.values_list("item", flat=True))


class Progress(models.Model):
    """One task or question, done by one learner for the first time."""

    class Kind(models.TextChoices):
        """What can be done in a lesson."""

        TASK = "task"
        QUIZ = "quiz"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="progress")
    course = models.CharField(max_length=80)
    lesson = models.CharField(max_length=80)
    step = models.CharField(max_length=80)
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.TASK)
    item = models.CharField(max_length=80)
    passed_at = models.DateTimeField(default=timezone.now)

    objects = ProgressManager()

    class Meta:
        verbose_name_plural = "progress"
        constraints = [models.UniqueConstraint(fields=["user", "course", "lesson", "kind", "item"], name="one_progress_per_item")]

    def __str__(self) -> str:
        return f"{self.course}/{self.lesson}: {self.step}/{self.item}"


class BookmarkManager(models.Manager["Bookmark"]):
    """Puts and finds bookmarks."""

    def put(self, user: models.Model, lesson: Lesson, step: str) -> None:
        """She is at this step now."""
        where = {"course": lesson.course, "lesson": lesson.slug}
        self.update_or_create(user=user, **where, defaults={"step": step, "at": timezone.now()})

    def step_of(self, user: models.Model, lesson: Lesson) -> str:
        """The step she was last at, or an empty string."""
        rows = self.filter(user=user, course=lesson.course, lesson=lesson.slug)
        return rows.values_list("step", flat=True).first() or ""


class Bookmark(models.Model):
    """The step a learner last had open in a lesson."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="bookmarks")
    course = models.CharField(max_length=80)
    lesson = models.CharField(max_length=80)
    step = models.CharField(max_length=80)
    at = models.DateTimeField(default=timezone.now)

    objects = BookmarkManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "course", "lesson"], name="one_bookmark_per_lesson")]

    def __str__(self) -> str:
        return f"{self.course}/{self.lesson}: {self.step}"


@transaction.atomic
def hand_over(guest: models.Model, user: models.Model) -> None:
    """Give a guest's progress to the account she signed in to; of two bookmarks the later stays."""
    mine = set(Progress.objects.filter(user=user).values_list("course", "lesson", "kind", "item"))
    for row in Progress.objects.filter(user=guest):
        if (row.course, row.lesson, row.kind, row.item) not in mine:
            Progress.objects.filter(pk=row.pk).update(user=user)
    for mark in Bookmark.objects.filter(user=guest):
        older = Bookmark.objects.filter(user=user, course=mark.course, lesson=mark.lesson)
        if not older.filter(at__gte=mark.at).exists():
            older.delete()
            Bookmark.objects.filter(pk=mark.pk).update(user=user)
