"""A websocket is accepted only from a page of ours.

Browsers send cookies with a websocket whoever's page opens it; the Origin header is the only
thing that tells. It is compared as text with VITRINE_ORIGINS: scheme, host and port. Channels'
validators either ignore the port or raise on an origin they cannot parse.
"""

from collections.abc import Callable
from typing import Any

from channels.security.websocket import WebsocketDenier
from django.conf import settings


class ExactOrigin:
    """ASGI middleware that refuses every Origin that is not one of ours."""

    def __init__(self, application: Callable[..., Any]) -> None:
        self.application = application
        self.denier = WebsocketDenier.as_asgi()

    async def __call__(self, scope: dict[str, Any], receive: Callable, send: Callable) -> Any:
        """Go on, or close before accepting (403)."""
        found = [value for name, value in scope["headers"] if name == b"origin"]
        ours = {origin.encode() for origin in settings.ORIGINS}
        allowed = len(found) == 1 and found[0] in ours
        return await (self.application if allowed else self.denier)(scope, receive, send)
