"""A certificate: a name, what was finished, when; and the code by which it is found.

What was finished is a whole course ("containers") or one lesson ("containers/namespaces"). Its title is kept in both
languages as it was that day: a lesson that is renamed or withdrawn changes no certificate.
"""

import secrets

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import get_language

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no I, L, O, U, so that it can be read aloud
GROUPS, GROUP = 4, 5


def new_code() -> str:
    """A hundred random bits in four groups of letters."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP)) for _ in range(GROUPS))


def normal(code: str) -> str:
    """A code as somebody typed it, as we keep it."""
    letters = [letter for letter in code.upper().translate(str.maketrans("ILO", "110")) if letter in ALPHABET]
    whole = "".join(letters)
    return "-".join(whole[at : at + GROUP] for at in range(0, len(whole), GROUP))


class Certificate(models.Model):
    """One completion, in the name its owner gave."""

    code = models.CharField(max_length=GROUPS * (GROUP + 1), unique=True, default=new_code, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="certificates")
    subject = models.CharField(max_length=161)
    titles = models.JSONField(default=dict, help_text="title by language")
    name = models.CharField(max_length=80)
    finished_at = models.DateTimeField()
    issued_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-issued_at"]
        constraints = [models.UniqueConstraint(fields=["user", "subject"], name="one_certificate_per_subject")]

    def __str__(self) -> str:
        return f"{self.subject} ({self.code})"

    @property
    def title(self) -> str:
        """In the reader's language."""
        return self.titles.get(get_language() or "en") or self.titles.get("en") or self.subject

    @property
    def is_course(self) -> bool:
        """A whole course, not one lesson."""
        return "/" not in self.subject
