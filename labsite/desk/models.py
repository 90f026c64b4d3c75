"""What is written at the desk. The text itself lies in folders (see `lessons.editions`)."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone


class Draft(models.Model):
    """One lesson of one author: its newest version is the draft, another may be published."""

    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="drafts")
    slug = models.SlugField(max_length=60, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    published = models.ForeignKey("Version", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["slug"]
        permissions = [("write_lessons", "Can write lessons at the desk")]

    def __str__(self) -> str:
        return self.slug

    @property
    def newest(self) -> "Version":
        """The version that is worked on."""
        return self.versions.latest("number")

    @property
    def last_run(self) -> "TestRun | None":
        """The test of any version that was begun last."""
        return TestRun.objects.filter(version__draft=self).order_by("-started_at").first()


class Version(models.Model):
    """One saved state of a lesson; it never changes."""

    draft = models.ForeignKey(Draft, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    edition = models.CharField(max_length=32, unique=True, help_text="the folder its files lie in")
    title = models.CharField(max_length=200, blank=True)
    note = models.CharField(max_length=80, blank=True)
    saved_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["draft", "number"], name="one_version_per_number")]

    def __str__(self) -> str:
        return f"{self.draft} {self.number}"


class State(models.TextChoices):
    """The life of a test."""

    WAITING = "waiting"
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"


class TestRun(models.Model):
    """One test of one version: what was proved, line by line, as it happens."""

    __test__ = False  # for pytest: its name only looks like a test
    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="runs")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    lines = models.JSONField(default=list, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"test of {self.version}: {self.state}"

    @property
    def settled(self) -> bool:
        """Is it over?"""
        return self.state in (State.PASSED, State.FAILED)

    def move(self, *old: str, to: str, **fields: Any) -> bool:
        """Change state only if it is still one of `old`."""
        return bool(TestRun.objects.filter(pk=self.pk, state__in=old).update(state=to, **fields))
