"""Feeds: one stream of observations for each machine, however many look.

The first viewer of a machine opens the stream from its shim, the last one closes it: when
nobody looks, nothing is collected. What comes is put together here to the newest observation;
each viewer then gets what leads from hers to that one (see `viewing`).

Feeds belong to the event loop of one process: that which serves websockets.
"""

import asyncio
import logging
from collections.abc import Callable

from labsite.labs import gateway
from labsite.labs.gateway import GatewayError, Observation

log = logging.getLogger(__name__)

SOONEST, LATEST = 1.0, 10.0  # seconds until a machine that does not answer is tried again
Event = dict[str, str]


class Feed:
    """The observations of one machine, and who wants them."""

    def __init__(self, runtime_id: str) -> None:
        self.runtime_id = runtime_id
        self.latest: Observation | None = None
        self.listeners: set[Callable[[Event | None], None]] = set()
        self.task: asyncio.Task[None] | None = None

    def tell(self, event: Event | None = None) -> None:
        """Call every listener: None for a new observation, else what happened."""
        for listener in list(self.listeners):
            listener(event)

    async def run(self) -> None:
        """Stay connected; what a broken connection means is for the page to say."""
        patience = SOONEST
        while True:
            try:
                async for message in gateway.watch(self.runtime_id):
                    patience = SOONEST
                    self.receive(message)
                self.tell({"type": "error", "code": "gone", "message": "the machine ended or was made again"})
            except GatewayError as error:
                self.tell({"type": "error", "code": error.detail["code"], "message": error.detail["message"]})
            except (KeyError, ValueError) as error:
                log.warning("x-ray of %s: %s", self.runtime_id, error)
            self.latest = None
            await asyncio.sleep(patience)
            patience = min(patience * 2, LATEST)

    def receive(self, message: dict) -> None:
        """Put a message of the shim's onto what is known."""
        if message["type"] == "snapshot":
            self.latest = Observation.from_dict(message["observation"])
        elif message["type"] == "change" and self.latest is not None:
            self.latest = self.latest.after(message)
        elif message["type"] == "bye":
            self.tell({"type": "bye", "reason": message["reason"]})
            return
        self.tell()


class Feeds:
    """Every feed of this process."""

    def __init__(self) -> None:
        self.feeds: dict[str, Feed] = {}

    def join(self, runtime_id: str, listener: Callable[[Event | None], None]) -> Feed:
        """Listen to a machine's feed; the first listener starts it."""
        feed = self.feeds.get(runtime_id)
        if feed is None:
            feed = self.feeds[runtime_id] = Feed(runtime_id)
            feed.task = asyncio.create_task(feed.run())
        feed.listeners.add(listener)
        return feed

    def leave(self, feed: Feed, listener: Callable[[Event | None], None]) -> None:
        """Stop listening; the last listener ends it."""
        feed.listeners.discard(listener)
        if not feed.listeners and self.feeds.get(feed.runtime_id) is feed:
            del self.feeds[feed.runtime_id]
            if feed.task:
                feed.task.cancel()


FEEDS = Feeds()
