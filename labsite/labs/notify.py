"""Tell the open pages of a lab what happened.

The row is written first, always: the channel layer drops messages when it is full, so a
message is a hint, and a page that missed one reads the row.
"""

import logging
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction
from django.utils import timezone
from redis.exceptions import RedisError

from labsite.labs.models import LabSession, Sandbox

log = logging.getLogger(__name__)


def group(code: str) -> str:
    """The channel group of a lab's sockets."""
    return f"lab.{code}"


def sandbox_message(sandbox: Sandbox) -> dict[str, Any]:
    """What a page is told of a machine."""
    return {
        "type": "sandbox",
        "name": sandbox.name,
        "status": sandbox.status,
        "step": sandbox.step,
        "timings": sandbox.timings,
        "machine": sandbox.machine,
        "age": max(0.0, round((timezone.now() - sandbox.requested_at).total_seconds(), 2)),
        "error": sandbox.error,
        "place": sandbox.place,
        "generation": sandbox.generation,
    }


def sandbox_changed(sandbox: Sandbox) -> None:
    """A machine has another status."""
    send(sandbox.lab.code, sandbox_message(sandbox))


def lab_ended(lab: LabSession) -> None:
    """The lab is over: pages say why, terminals close."""
    send(lab.code, {"type": "ended", "reason": lab.end_reason})


def send(code: str, message: dict[str, Any]) -> None:
    """Hand a message to the lab's pages once the transaction is in the database."""
    transaction.on_commit(lambda: _send(code, message))


def _send(code: str, message: dict[str, Any]) -> None:
    event = {"type": "lab.message", "message": message}
    try:
        async_to_sync(get_channel_layer().group_send)(group(code), event)
    except (OSError, RedisError) as error:  # the row has the truth
        log.warning("lab %s: a page could not be told: %s", code[:8], error)
