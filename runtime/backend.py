"""One protocol for every kind of guest.

A lesson asks for a sandbox, not for a technique. Whoever makes one of another kind has to
offer these verbs with these meanings; the spawner's client offers them for containers and for
virtual machines, since a machine runs in a container: only `create` is told which.
"""

from __future__ import annotations

from typing import Any, Protocol

from runtime.errors import RefusedError
from runtime.paths import Paths
from runtime.spawner.client import SpawnerClient
from runtime.spawner.requests import BACKENDS

Record = dict[str, Any]


class Backend(Protocol):
    """The lifecycle verbs, by id. Each may be repeated; `delete` succeeds when nothing is there."""

    def create(self, **request: Any) -> Record: ...

    def start(self, id: str) -> Record: ...

    def kill(self, id: str, signal: int) -> Record: ...

    def pause(self, id: str) -> Record: ...

    def resume(self, id: str) -> Record: ...

    def delete(self, id: str) -> Record: ...

    def state(self, id: str) -> Record: ...

    def list(self) -> list[Record]: ...


def backend(name: str, paths: Paths) -> Backend:
    """The backend of this name."""
    if name not in BACKENDS:
        raise RefusedError("backend", None, f"no backend is named {name!r}; there are: {', '.join(BACKENDS)}")
    return SpawnerClient(paths)
