"""The channel layer, but for the time without Redis.

Channels ends a consumer whose layer fails. A terminal needs the layer only for hints (its bytes come from the
shim), so while Redis is away its consumer should go on. Here receiving waits and tries again, and joining or
leaving a group is let be: whoever stays joins again now and then, and reads the row meanwhile.
"""

import asyncio
import logging
from typing import Any

from channels_redis.core import RedisChannelLayer
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

AWAY = (OSError, RedisError)
AGAIN = 1.0  # seconds


class PatientChannelLayer(RedisChannelLayer):
    """To whom it is no error that Redis is away."""

    async def receive(self, channel: str) -> dict[str, Any]:
        """The next message, however long that takes."""
        while True:
            try:
                return await super().receive(channel)
            except AWAY as error:
                log.debug("nothing is heard from Redis: %s", error)
                await asyncio.sleep(AGAIN)

    async def group_add(self, group: str, channel: str) -> None:
        """Join, if Redis is there."""
        try:
            await super().group_add(group, channel)
        except AWAY as error:
            log.warning("a socket could not join its lab, and will try again: %s", error)

    async def group_discard(self, group: str, channel: str) -> None:
        """Leave; what cannot be left now expires."""
        try:
            await super().group_discard(group, channel)
        except AWAY as error:
            log.debug("a socket could not leave its lab: %s", error)
