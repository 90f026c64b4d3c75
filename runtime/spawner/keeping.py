"""Snapshots as the spawner keeps them: taken by a messenger, begun from by `create`, gone with the lab.

The spawner waits for nobody: copying what a sandbox has changed takes as long as there is much of it, so a
fork does it and answers. See runtime.image.snapshots.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
from collections.abc import Callable
from typing import Any

from runtime.container import ground
from runtime.errors import VitrineError
from runtime.image.snapshots import Snapshots
from runtime.oci.spec import Spec
from runtime.paths import ID_PATTERN, Paths, check_id
from runtime.spawner import birth, requests

TRIES = 3  # a file that shrinks while it is read spoils one
Request = dict[str, Any]


def fields(request: Request) -> tuple[str, str]:
    """The sandbox and the snapshot's name."""
    return requests.identifier(request), requests.matching(request, "name", ID_PATTERN)


def origin(request: Request) -> tuple[str, str] | None:
    """The snapshot a create request wants to begin from, as sandbox/name; None: from the image."""
    wanted = request.get("snapshot")
    if wanted is None:
        return None
    sandbox, slash, name = str(wanted).partition("/")
    if not slash:
        raise requests.refuse("snapshot", f"{wanted!r} is not SANDBOX/NAME")
    return check_id(sandbox), check_id(name)


def begin_from(image: Request, snapshot: tuple[str, str], paths: Paths) -> Request:
    """The same image with the snapshot's trees: never from the pool, whose sandboxes stand on images."""
    return {**image, "layers": Snapshots(paths.snapshots).layers(*snapshot)}


def answered(client: socket.socket, act: Callable[[], Request]) -> Callable[[], None]:
    """In a fork: do it, and tell the client how it went."""

    def perform() -> None:
        try:
            answer = {"ok": True, **act()}
        except (VitrineError, OSError, ValueError) as error:
            answer = birth.refusal(error)
        birth.reply(client, answer)

    return perform


def take(sandbox: str, name: str, paths: Paths) -> Request:
    """Keep what the sandbox has changed; its name, size in bytes, entries."""
    stands = ground.of(sandbox, paths)
    room = Spec.from_dict(json.loads((paths.sandbox(sandbox) / "config.json").read_text())).resources.writable_bytes
    for attempt in range(TRIES):
        try:
            record = Snapshots(paths.snapshots).take(sandbox, name, stands.upper, stands.layers, stands.ids, room)
        except (VitrineError, FileNotFoundError) as error:
            if attempt + 1 == TRIES or getattr(error, "code", "") == "snapshot":
                raise
        else:
            return {"snapshot": {key: record[key] for key in ("name", "size", "entries")}}
    raise AssertionError


def listed(sandbox: str, paths: Paths) -> Request:
    """The names of a sandbox's snapshots, oldest first."""
    return {"snapshots": [record["name"] for record in Snapshots(paths.snapshots).records(sandbox)]}


def forget(sandbox: str, after: str | None, paths: Paths) -> Request:
    """Remove them all, or those younger than `after`."""
    Snapshots(paths.snapshots).forget(sandbox, after)
    return {}


def forget_dead(living: set[str], paths: Paths) -> None:
    """At the start of a spawner: those of sandboxes that a former one lost."""
    snapshots = Snapshots(paths.snapshots)
    for sandbox in set(snapshots.sandboxes()) - living:
        with contextlib.suppress(VitrineError):
            snapshots.forget(sandbox)


def forget_all(paths: Paths) -> None:
    """At the end of a spawner that leaves no sandbox."""
    shutil.rmtree(paths.snapshots, ignore_errors=True)
    with contextlib.suppress(OSError):
        paths.snapshots.parent.rmdir()
