"""What a learner has finished, kept when her labs are long gone."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from lessons.elements import Lesson


class ProgressManager(models.Manager["Progress"]):
    """Notes and tells what was done."""

    def note(self, user: models.Model, lesson: Lesson, step: str, task: str) -> bool:
        """Note a task as done; False if it was noted before."""
        where = {"course": lesson.course, "lesson": lesson.slug, "step": step, "task": task}
        return self.get_or_create(user=user, **where)[1]

    def done(self, user: models.Model, lesson: Lesson) -> set[str]:
        """The tasks of this lesson she has done in any attempt, by id."""
        rows = self.filter(user=user, course=lesson.course, lesson=lesson.slug)
        return set(rows.values_list("task", flat=True))


class Progress(models.Model):
    """One task, done by one learner for the first time."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="progress")
    course = models.CharField(max_length=80)
    lesson = models.CharField(max_length=80)
    step = models.CharField(max_length=80)
    task = models.CharField(max_length=80)
    passed_at = models.DateTimeField(default=timezone.now)

    objects = ProgressManager()

    class Meta:
        verbose_name_plural = "progress"
        constraints = [models.UniqueConstraint(fields=["user", "course", "lesson", "task"], name="one_progress_per_task")]

    def __str__(self) -> str:
        return f"{self.course}/{self.lesson}: {self.step}/{self.task}"
