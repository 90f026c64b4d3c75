"""Birth: a fork of the spawner becomes a shim, makes the container, and answers the request.

The fork inherits a warm interpreter and everything the spawner holds; it lets go of all but
the client's connection first. From the answer on it is a process like any other, which
outlives the spawner.

See fork(2), setsid(2).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
from pathlib import Path
from typing import Any

from runtime.container.lifecycle import Container, cleanup
from runtime.errors import VitrineError
from runtime.events import Silence
from runtime.image.store import Store
from runtime.oci import mounts
from runtime.oci import state as records
from runtime.oci.spec import sandbox_spec
from runtime.paths import Paths
from runtime.shim.server import Shim

SERVICES = "org.vitrine.services"  # a label: the program that an image wants running from the start


def make(request: dict[str, Any], paths: Paths, network: Any) -> Container:
    """The container of a checked request."""
    fields = dict(request)
    image = Store(paths.images).lookup(fields.pop("image"))
    config = image.config.get("config", {})
    env = dict(line.partition("=")[::2] for line in config.get("Env") or [])
    args = [*(config.get("Entrypoint") or []), *(config.get("Cmd") or [])] or None
    services = tuple((config.get("Labels") or {}).get(SERVICES, "").split())
    spec = sandbox_spec(args=args, env=env, mounts=mounts.of_image(config), services=services, **fields)
    return Container.create(spec, image.layers, paths, Silence(), network)


def become_shim(
    request: dict[str, Any], paths: Paths, network: Any, group: int, client: socket.socket, spawner: int
) -> None:
    """Make the container, answer, serve; returns when the sandbox is gone."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    client.setblocking(True)
    try:
        container = make(request, paths, network)
    except (VitrineError, OSError) as error:
        # What a failed creation leaves is gone before the client hears of it, so it may retry.
        cleanup(request["id"], paths)
        reply(client, refusal(error))
        client.close()
        return
    finally:
        if network is not None:
            network.close()  # the helper ends when the spawner does, not with the last shim
    if os.getppid() != spawner:
        # The spawner died meanwhile, and the next may have found us half made: nobody waits for this.
        container.delete()
        return
    try:
        shim = Shim(container, paths, group)
        open_to(paths.sandbox(request["id"]), group)
        record = records.read(paths.state_file(request["id"])).to_dict()
        timings = [timing.to_dict() for timing in container.timings]
        reply(client, {"ok": True, "state": record, "timings": timings})
        client.close()
    except BaseException:
        container.delete()
        raise
    shim.run()
    shutil.rmtree(paths.sandbox(request["id"]), ignore_errors=True)


def open_to(directory: Path, group: int) -> None:
    """Let the site's group reach the socket in this directory, and list nothing."""
    os.chown(directory, 0, group)
    directory.chmod(0o710)


def refusal(error: Exception) -> dict[str, Any]:
    """An exception as an answer."""
    code = error.code if isinstance(error, VitrineError) else "os"
    step = getattr(error, "step", None)
    return {"ok": False, "error": {"code": code, "step": step, "message": str(error)}}


def reply(client: socket.socket, message: dict[str, Any]) -> None:
    """One answer; a client that has gone is not waited for."""
    try:
        client.send(json.dumps(message).encode())
    except OSError:
        return
