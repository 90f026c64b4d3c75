"""What we want, and what we last knew.

A row is a wish and a memory; the node is the truth, and `reconcile` compares the two.
A status moves only by compare-and-swap (`Sandbox.move`), so two workers never both act.
"""

import secrets
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

LEASE = timedelta(seconds=60)


def new_code() -> str:
    """128 random bits: nobody finds a lab by trying."""
    return secrets.token_hex(16)


class Status(models.TextChoices):
    """The life of a sandbox's row."""

    QUEUED = "queued"
    REQUESTED = "requested"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"
    LOST = "lost"


LIVE = [Status.REQUESTED, Status.STARTING, Status.RUNNING, Status.STOPPING]
WAITING = [Status.QUEUED, Status.REQUESTED, Status.STARTING]


class LabSession(models.Model):
    """One learner, one lesson, a start and a deadline."""

    code = models.CharField(max_length=32, unique=True, default=new_code, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="labs")
    lesson = models.CharField(max_length=120)
    edition = models.CharField(max_length=32, blank=True, default="", help_text="of a lesson of the desk: its version")
    address = models.GenericIPAddressField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    active_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True, db_index=True)
    end_reason = models.CharField(max_length=20, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.lesson} ({self.code[:8]})"

    @property
    def status(self) -> str:
        """One word for all its sandboxes: the least advanced of them."""
        if self.ended_at:
            return "ended"
        found = {sandbox.status for sandbox in self.sandboxes.all()}
        order = [
            Status.FAILED,
            Status.LOST,
            Status.QUEUED,
            Status.REQUESTED,
            Status.STARTING,
            Status.STOPPING,
            Status.STOPPED,
        ]
        return next((str(status) for status in order if status in found), str(Status.RUNNING))

    def touch(self) -> None:
        """Someone is at the keyboard."""
        self.active_at = timezone.now()
        LabSession.objects.filter(pk=self.pk, ended_at=None).update(active_at=self.active_at)


class Sandbox(models.Model):
    """One machine of a lab, of either backend."""

    lab = models.ForeignKey(LabSession, on_delete=models.CASCADE, related_name="sandboxes")
    name = models.SlugField(max_length=30)
    index = models.PositiveSmallIntegerField(default=0)
    backend = models.CharField(max_length=12, default="container")
    request = models.JSONField(default=dict, help_text="image, profile and limits, from the lesson")
    status = models.CharField(max_length=12, choices=Status, default=Status.REQUESTED, db_index=True)
    node = models.CharField(max_length=80, blank=True)
    generation = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    step = models.CharField(max_length=80, blank=True)
    timings = models.JSONField(default=list, blank=True)
    machine = models.JSONField(default=dict, blank=True, help_text="of a virtual machine: how it runs, when each phase was over")
    error = models.JSONField(null=True, blank=True)
    requested_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["lab_id", "index"]
        constraints = [models.UniqueConstraint(fields=["lab", "name"], name="one_name_per_lab")]

    def __str__(self) -> str:
        return self.runtime_id

    @property
    def runtime_id(self) -> str:
        """its name on the node."""
        return f"{self.lab.code[:12]}-{self.name}".lower()

    @property
    def place(self) -> int | None:
        """Its place in the waiting line, from 1; None outside the line."""
        if self.status != Status.QUEUED:
            return None
        earlier = Q(requested_at__lt=self.requested_at) | Q(requested_at=self.requested_at, pk__lt=self.pk)
        return Sandbox.objects.filter(earlier, status=Status.QUEUED).count() + 1

    def move(self, *old: str, to: str, **fields: Any) -> bool:
        """Change status only if it is still one of `old`; False: another worker was first."""
        now = timezone.now()
        lease = now + LEASE if to in (Status.STARTING, Status.STOPPING) else None
        fields |= {"status": to, "changed_at": now, "lease_until": lease, "generation": self.generation + 1}
        rows = Sandbox.objects.filter(pk=self.pk, status__in=old, generation=self.generation)
        if not rows.update(**fields):
            return False
        for name, value in fields.items():
            setattr(self, name, value)
        return True


class TaskResult(models.Model):
    """What a check last said about one task of a lab."""

    lab = models.ForeignKey(LabSession, on_delete=models.CASCADE, related_name="results")
    step = models.CharField(max_length=80)
    task = models.CharField(max_length=80)
    state = models.CharField(max_length=16)
    message = models.TextField(blank=True)
    attempts = models.PositiveIntegerField(default=0)
    passed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["lab", "step", "task"], name="one_result_per_task")]

    def __str__(self) -> str:
        return f"{self.step}/{self.task}: {self.state}"
