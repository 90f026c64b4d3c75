"""Birth: a fork of the spawner becomes a shim, makes the container, and answers the request.

The fork inherits a warm interpreter and everything the spawner holds; it lets go of all but
the client's connection first. From the answer on it is a process like any other, which
outlives the spawner.

With a pool, the same steps are done before anyone asks: the shim then waits at its end of a
socket pair, and the request arrives there together with the client's connection. If the spawner
dies first, the socket says so, and what nobody can ask for any more removes itself.

See fork(2), setsid(2), unix(7) for SCM_RIGHTS.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

from runtime.container import ground
from runtime.container.birth import NetworkPort
from runtime.container.lifecycle import Container, cleanup
from runtime.errors import NotFoundError, VitrineError
from runtime.events import Event, Silence
from runtime.image.store import Store
from runtime.loop import READ
from runtime.oci import state as records
from runtime.oci import volumes
from runtime.oci.spec import sandbox_spec
from runtime.paths import Paths
from runtime.shim.server import Shim
from runtime.spawner import machines
from runtime.spawner.network import Port

SERVICES = "org.vitrine.services"  # a label: the program that an image wants running from the start
LARGEST_ORDER = 64 * 1024
Request = dict[str, Any]


def make(request: Request, paths: Paths, network: NetworkPort | None, *, parked: bool = False) -> Container:
    """The container of a checked request whose image has been resolved."""
    fields = dict(request)
    image = fields.pop("image")
    config = image["config"]
    env = dict(line.partition("=")[::2] for line in config.get("Env") or [])
    args = [*(config.get("Entrypoint") or []), *(config.get("Cmd") or [])] or None
    fields["services"] = tuple((config.get("Labels") or {}).get(SERVICES, "").split())
    layers = [Path(layer) for layer in image["layers"]]
    if machine := fields.pop("machine", None):
        room, fields["services"], fields["kvm"] = machines.settle(machine, paths)
        layers.append(Path(room))
    spec = sandbox_spec(args=args, env=env, volumes=volumes.of_image(config), **fields)
    with Store(paths.images).reading():  # nothing is collected from here until the layers are mounted
        if gone := [layer.name for layer in layers if not layer.is_dir()]:
            raise NotFoundError(f"layer {gone[0][:12]} was deleted meanwhile; ask again")
        container = Container.create(spec, layers, paths, Silence(), network, parked=parked)
    ground.write(paths, spec.id, image["name"], layers)
    return container


def become_shim(
    request: Request, paths: Paths, network: Port | None, group: int, client: socket.socket, spawner: int,
    events: list[Event], held: int,
) -> None:  # fmt: skip
    """Make the container, answer, let go of `held`, serve; returns when the sandbox is gone."""
    begin_session()
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
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM,))
        answer(container, group, client, events)
        client.close()
        os.close(held)
    except BaseException:
        container.delete()
        raise
    shim.run()
    shutil.rmtree(paths.sandbox(request["id"]), ignore_errors=True)


def begin_session() -> None:
    """Be apart from the spawner's terminal and its Ctrl-C. SIGTERM waits until the shim can act on it: a
    creation cut in two would leave more to clean up than one that is finished and taken back."""
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def park(request: Request, paths: Paths, group: int, control: socket.socket) -> None:
    """Make a sandbox nobody has asked for, tell the spawner, and wait for the one who does."""
    begin_session()
    container = make(request, paths, None, parked=True)
    try:
        shim = Shim(container, paths, group)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM,))
        shim.sandbox.warm_up()
        shim.loop.watch(control.fileno(), READ, lambda events: taken(shim, group, control))
        control.send(b"ready")
    except BaseException:
        container.delete()
        raise
    shim.run()
    shutil.rmtree(paths.sandbox(container.spec.id), ignore_errors=True)


def taken(shim: Shim, group: int, control: socket.socket) -> None:
    """The request has come, or the spawner has gone. Whatever fails, the spawner makes another, cold."""
    shim.loop.unwatch(control.fileno())
    data, fds, _, _ = socket.recv_fds(control, LARGEST_ORDER, 2)
    if not data:
        shim.loop.stop()
        return
    client, *ports = [socket.socket(fileno=fd) for fd in fds]
    client.setblocking(True)
    try:
        take(shim.container, json.loads(data), Port(ports[0]) if ports else None)
        answer(shim.container, group, client, [])
        control.send(b"taken")
    except (VitrineError, OSError) as error:
        control.send(str(error).encode()[:1024])
        shim.loop.stop()
    finally:
        for sock in (client, control, *ports):
            sock.close()


def take(container: Container, order: Request, network: Port | None) -> None:
    """Turn the parked container into the one of this request."""
    particular = {name: order["request"][name] for name in PARTICULAR}
    container.take(replace(container.spec, **particular), network, order["asked"])


PARTICULAR = ("id", "lab", "annotations")  # all else is the same for everyone who takes the same lesson


def recipe(request: Request) -> str:
    """What two requests have in common when the same parked sandbox would do for either."""
    return json.dumps({name: value for name, value in request.items() if name not in PARTICULAR}, sort_keys=True)


def answer(container: Container, group: int, client: socket.socket, events: list[Event]) -> None:
    """Tell the client that its sandbox is there."""
    open_to(container.paths.sandbox(container.spec.id), group)
    record = records.read(container.paths.state_file(container.spec.id)).to_dict()
    timings = [timing.to_dict() for timing in container.timings]
    message = {"ok": True, "state": record, "timings": timings}
    reply(client, message | ({"events": [event.to_dict() for event in events]} if events else {}))


def open_to(directory: Path, group: int) -> None:
    """Let the site's group reach the socket in this directory, and list nothing."""
    os.chown(directory, 0, group)
    directory.chmod(0o710)


def refusal(error: Exception) -> Request:
    """An exception as an answer."""
    code = error.code if isinstance(error, VitrineError) else "os"
    step = getattr(error, "step", None)
    return {"ok": False, "error": {"code": code, "step": step, "message": str(error)}}


def reply(client: socket.socket, message: Request) -> None:
    """One answer; a client that has gone is not waited for."""
    try:
        client.send(json.dumps(message).encode())
    except OSError:
        return
