"""What a visitor chose, what she expected, and what was measured."""

from typing import Any

from django.db import models
from django.utils import timezone

from labsite.labs.models import LabSession


class State(models.TextChoices):
    """The life of a mix's row."""

    WAITING = "waiting"
    MAKING = "making"
    RUNNING = "running"
    FAILED = "failed"


class Mix(models.Model):
    """One of the two mixes of a mixer's lab."""

    lab = models.ForeignKey(LabSession, on_delete=models.CASCADE, related_name="mixes")
    letter = models.CharField(max_length=1)
    recipe = models.JSONField(default=dict)
    guesses = models.JSONField(default=dict, help_text="question → yes or no, given before the start")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    asked_at = models.DateTimeField(default=timezone.now)
    took_ms = models.PositiveIntegerField(null=True, blank=True, help_text="from the click to the measured result")
    steps = models.JSONField(default=list, blank=True)
    acts = models.JSONField(default=dict, blank=True)
    measured = models.JSONField(default=dict, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["lab_id", "letter"]
        constraints = [models.UniqueConstraint(fields=["lab", "letter"], name="one_mix_per_letter")]

    def __str__(self) -> str:
        return f"mix {self.letter} of {self.lab}"

    @property
    def settled(self) -> bool:
        """Is there nothing more to wait for?"""
        return self.state in (State.RUNNING, State.FAILED)

    def move(self, *old: str, to: str, **fields: Any) -> bool:
        """Change state only if it is still one of `old`, and still the same wish; False: it was overtaken."""
        rows = Mix.objects.filter(pk=self.pk, state__in=old, asked_at=self.asked_at)
        if not rows.update(state=to, **fields):
            return False
        for name, value in {"state": to, **fields}.items():
            setattr(self, name, value)
        return True


class Beside(models.Model):
    """The virtual machine beside the mixes, once it has been measured."""

    lab = models.OneToOneField(LabSession, on_delete=models.CASCADE, related_name="beside")
    measured = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"the machine of {self.lab}"
