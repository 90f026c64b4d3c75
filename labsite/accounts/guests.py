"""Guests: labs without an account.

A row is made at the first POST, never for a mere visit: robots read pages all day.
"""

from django.contrib.auth import login
from django.http import HttpRequest

from labsite.accounts.models import User
from labsite.accounts.views import PASSWORD_BACKEND


def user_or_guest(request: HttpRequest) -> User:
    """The user of this request; a visitor becomes a guest and gets a session."""
    if request.user.is_authenticated:
        return request.user
    guest = User.objects.create_guest()
    login(request, guest, backend=PASSWORD_BACKEND)
    return guest
