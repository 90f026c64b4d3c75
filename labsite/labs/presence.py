"""Is the person at the other end of a socket still who she was, and still here?

A websocket outlives its handshake by hours. Signing out deletes the cookie session, an operator may
disable a user: both are looked at again with every use of the database, and every half minute.
"""

from contextlib import suppress
from typing import Any

from autobahn.exception import Disconnected
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from labsite.accounts.models import User
from labsite.labs import access
from labsite.labs.models import LabSession

LOOK_AGAIN = 30.0  # seconds
NOT_FOUND, ENDED = 4404, 4410  # why a socket is closed


class SocketConsumer(AsyncWebsocketConsumer):
    """A consumer to whom it is no error that the browser left while something was on its way."""

    async def send(self, *args: Any, **options: Any) -> None:
        """Send, or let it be."""
        with suppress(Disconnected):
            await super().send(*args, **options)


class LabSocket(SocketConsumer):
    """A socket that belongs to the lab of its address."""

    code: str

    @database_sync_to_async
    def find_lab(self) -> LabSession | None:
        """The live lab, if this user may still see it."""
        user = fresh_user(self.scope)
        return access.live_lab_for(user, self.code) if user else None

    @database_sync_to_async
    def why_not(self) -> int:
        """An ended lab is told apart only to its owner."""
        user = fresh_user(self.scope)
        return ENDED if user and access.lab_for(user, self.code) else NOT_FOUND


def fresh_user(scope: dict[str, Any]) -> User | None:
    """The user of a socket as she is now; None if she signed out or may not come in."""
    if not scope["user"].is_authenticated or not still_signed_in(scope):
        return None
    return User.objects.filter(pk=scope["user"].pk, is_active=True).first()


def still_signed_in(scope: dict[str, Any]) -> bool:
    """Does the cookie session still exist? Signing out deletes it."""
    return scope["session"].exists(scope["session"].session_key)
