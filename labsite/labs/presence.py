"""Is the person at the other end of a socket still who she was, and still here?

A websocket outlives its handshake by hours. Signing out deletes the cookie session, an operator may
disable a user: both are looked at again with every use of the database, and every half minute.
"""

from contextlib import suppress
from typing import Any

from autobahn.exception import Disconnected
from channels.generic.websocket import AsyncWebsocketConsumer

from labsite.accounts.models import User

LOOK_AGAIN = 30.0  # seconds


class SocketConsumer(AsyncWebsocketConsumer):
    """A consumer to whom it is no error that the browser left while something was on its way."""

    async def send(self, *args: Any, **options: Any) -> None:
        """Send, or let it be."""
        with suppress(Disconnected):
            await super().send(*args, **options)


def fresh_user(scope: dict[str, Any]) -> User | None:
    """The user of a socket as she is now; None if she signed out or may not come in."""
    if not scope["user"].is_authenticated or not still_signed_in(scope):
        return None
    return User.objects.filter(pk=scope["user"].pk, is_active=True).first()


def still_signed_in(scope: dict[str, Any]) -> bool:
    """Does the cookie session still exist? Signing out deletes it."""
    return scope["session"].exists(scope["session"].session_key)
