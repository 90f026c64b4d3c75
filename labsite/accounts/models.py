"""One kind of user, from the first migration on.

A guest is a user without a password: the row is made when she first opens a lab, and it
becomes an ordinary account when she signs up, so nothing she did is lost.
"""

import hashlib
import secrets

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models


class VitrineUserManager(UserManager["User"]):
    """Also makes guests."""

    def create_guest(self) -> "User":
        """A new guest, who can be recognised only by her session cookie."""
        return self.create_user(username=f"guest-{secrets.token_hex(8)}", is_guest=True)


class User(AbstractUser):
    """Someone who opens lessons."""

    is_guest = models.BooleanField(default=False, db_index=True)

    objects = VitrineUserManager()

    def __str__(self) -> str:
        return self.get_username()


class ApiToken(models.Model):
    """A bearer token of the HTTP API. Only its digest is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    digest = models.CharField(max_length=64, unique=True)
    label = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.user}: {self.label or 'token'}"

    @classmethod
    def issue(cls, user: User, label: str = "") -> str:
        """Make a token and return its text, which is shown this once."""
        text = secrets.token_urlsafe(32)
        cls.objects.create(user=user, digest=cls.digest_of(text), label=label)
        return text

    @classmethod
    def find_user(cls, text: str) -> User | None:
        """The active user whose token this is."""
        tokens = cls.objects.select_related("user").filter(digest=cls.digest_of(text), user__is_active=True)
        token = tokens.first()
        return token.user if token else None

    @staticmethod
    def digest_of(text: str) -> str:
        """What is stored of a token."""
        return hashlib.sha256(text.encode()).hexdigest()
