"""A recording's row: whose it is, how long it is kept, who else may see it. The bytes are in `journal`."""

import secrets
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from labsite.labs.models import LabSession, new_code


def expiry() -> Any:
    """When a recording that begins now is thrown away."""
    return timezone.now() + timedelta(days=settings.RECORDING_DAYS)


class Recording(models.Model):
    """One stretch of one lab, from the learner's consent until she, the lab or a limit ends it."""

    class End(models.TextChoices):
        """Why a recording stopped."""

        USER = "user"
        LAB = "lab"
        FULL = "full"
        TIME = "time"
        LOST = "lost"

    code = models.CharField(max_length=32, unique=True, default=new_code, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="recordings")
    lab = models.ForeignKey(LabSession, on_delete=models.SET_NULL, null=True, related_name="recordings")
    lesson = models.CharField(max_length=120)
    terminals = models.JSONField(default=list, help_text='the terminals on record, as "machine/n"')
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True, db_index=True)
    end_reason = models.CharField(max_length=8, choices=End, blank=True)
    seconds = models.FloatField(default=0.0)
    size = models.PositiveBigIntegerField(default=0)
    expires_at = models.DateTimeField(default=expiry, db_index=True)
    share = models.CharField(max_length=43, unique=True, null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-started_at"]
        constraints = [
            models.UniqueConstraint(fields=["lab"], condition=models.Q(ended_at=None), name="one_open_recording_per_lab")
        ]

    def __str__(self) -> str:
        return f"{self.lesson} ({self.code[:8]})"

    @property
    def minutes(self) -> int:
        """How long it is, in minutes begun."""
        return max(1, round(self.seconds / 60 + 0.5))

    def end(self, reason: str) -> bool:
        """Stop it; False if it had stopped before."""
        now = timezone.now()
        if not Recording.objects.filter(pk=self.pk, ended_at=None).update(ended_at=now, end_reason=reason):
            return False
        self.ended_at, self.end_reason = now, reason
        return True

    def share_it(self) -> str:
        """Give it a link: 256 random bits. A link that is there stays."""
        fresh = secrets.token_urlsafe(32)
        Recording.objects.filter(pk=self.pk, share=None).update(share=fresh)
        self.refresh_from_db(fields=["share"])
        return str(self.share)

    def unshare(self) -> None:
        """Take the link back; the next one will be another."""
        Recording.objects.filter(pk=self.pk).update(share=None)
        self.share = None
