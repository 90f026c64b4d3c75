"""How full is the way to a browser?

Daphne's `send` never waits: what the network does not take piles up in Twisted's buffer. A page of ours is sent
at most a window beyond what it acknowledged, so nothing piles up. A page that is not ours may acknowledge what it
never reads. Twisted tells a transport's *producer* when its buffer is full and when it is empty again; this
middleware finds the transport behind Daphne's `send`, and whoever serves the socket may become its producer.

See twisted.internet.interfaces.IPushProducer.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

MOST = 512 * 1024  # more than a page that keeps to the window ever leaves unsent


@implementer(IPushProducer)
class Wire:
    """The transport of one websocket."""

    def __init__(self, transport: Any) -> None:
        self.transport = transport

    def limit(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        """Call `pause` when more than MOST bytes wait to be sent, `resume` once all are gone."""
        self.pauseProducing, self.resumeProducing = pause, resume
        self.transport.bufferSize = MOST
        self.transport.unregisterProducer()  # the HTTP channel that the websocket came from
        self.transport.registerProducer(self, True)

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The connection has gone; the consumer is told by Daphne."""


class WithWire:
    """ASGI middleware, outermost: puts a `Wire` into the scope as "wire"; None under a server that is not Daphne."""

    def __init__(self, application: Callable[..., Any]) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Callable, send: Callable) -> Any:
        """Daphne's `send` is its `handle_reply` with the protocol as first argument."""
        protocol = next(iter(getattr(send, "args", ())), None)
        transport = getattr(protocol, "transport", None)
        return await self.application(scope | {"wire": Wire(transport) if transport else None}, receive, send)
