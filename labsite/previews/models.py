"""Which name stands for which port of which machine."""

import secrets

from django.db import models

from labsite.labs.models import Sandbox


def new_token() -> str:
    """128 random bits that are one label of a host name: nobody finds a preview by trying."""
    return secrets.token_hex(16)


class Preview(models.Model):
    """A port somebody has opened; its origin is its own, so that two servers never share cookies or storage."""

    token = models.CharField(max_length=32, unique=True, default=new_token, editable=False)
    sandbox = models.ForeignKey(Sandbox, on_delete=models.CASCADE, related_name="previews")
    port = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sandbox", "port"], name="one_preview_per_port")]

    def __str__(self) -> str:
        return f"port {self.port} of {self.sandbox}"
