"""Is the person at the other end of a socket still who she was, and still here?

A websocket outlives its handshake by hours. Signing out deletes the cookie session, an operator may
disable a user: both are looked at again with every use of the database, and every half minute.
"""

from typing import Any

from labsite.accounts.models import User

LOOK_AGAIN = 30.0  # seconds


def fresh_user(scope: dict[str, Any]) -> User | None:
    """The user of a socket as she is now; None if she signed out or may not come in."""
    if not scope["user"].is_authenticated or not still_signed_in(scope):
        return None
    return User.objects.filter(pk=scope["user"].pk, is_active=True).first()


def still_signed_in(scope: dict[str, Any]) -> bool:
    """Does the cookie session still exist? Signing out deletes it."""
    return scope["session"].exists(scope["session"].session_key)
