"""Whose preview is it, and does it still stand? Asked of the database, at most every two seconds for each name."""

import asyncio
import time
from dataclasses import dataclass

from django.db import close_old_connections

from labsite.labs.models import Sandbox, Status
from labsite.previews.models import Preview

KEPT_SECONDS = 2.0
MOST_KEPT = 4096


@dataclass(frozen=True)
class Place:
    """A port of a machine that runs, and whose it is."""

    token: str
    port: int
    user: int
    machine: str
    sandbox: Sandbox


_kept: dict[str, tuple[float, Place | None]] = {}


async def find(token: str) -> Place | None:
    """The place a token stands for; None when it never did, or its lab or machine has ended."""
    known = _kept.get(token)
    if known and known[0] > time.monotonic():
        return known[1]
    place = await asyncio.to_thread(_look, token)
    if len(_kept) >= MOST_KEPT:
        _kept.clear()
    _kept[token] = time.monotonic() + KEPT_SECONDS, place
    return place


def _look(token: str) -> Place | None:
    close_old_connections()
    rows = Preview.objects.select_related("sandbox__lab__user")
    row = rows.filter(
        token=token, sandbox__status=Status.RUNNING, sandbox__lab__ended_at=None, sandbox__lab__user__is_active=True
    ).first()
    return Place(token, row.port, row.sandbox.lab.user_id, row.sandbox.name, row.sandbox) if row else None
