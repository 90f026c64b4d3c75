"""How sandboxes come about: cold, or from the pool.

Either way a fork makes the sandbox and answers the client itself. Cold, the fork is made when the
request comes; the spawner keeps one end of a pipe to see when it is over. From the pool, the fork
was made long ago, and the request and the client's connection are sent to it. If that fails, the
same request is served cold, and the answer carries an event that says so.

See unix(7) for SCM_RIGHTS.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from typing import Any

from runtime.container import ranges
from runtime.container.egress import NAMESERVER, Policy
from runtime.errors import RefusedError, VitrineError
from runtime.events import Event
from runtime.loop import FAILED, READ
from runtime.paths import Paths
from runtime.spawner import birth, keeping, machines
from runtime.spawner.forks import Forks
from runtime.spawner.images import Images
from runtime.spawner.ledger import Entry
from runtime.spawner.network import Port
from runtime.spawner.pool import Pool, fresh_name
from runtime.spawner.zygote import Zygote

MOST_SANDBOXES = 4096
Request = dict[str, Any]


class Makers(Forks):
    """Forks that make sandboxes, and the pool of those that wait."""

    def __init__(self, paths: Paths, size: int) -> None:
        super().__init__(paths)
        self.creating: set[int] = set()
        self.images = Images(paths.images)
        self.egress = Policy.of(os.environ)
        self.zygote = Zygote(paths, self.group, self.in_fork)
        self.pool = Pool(size, self.loop, self.park, self.remove, self.idle)

    def let_go(self, client: socket.socket | None) -> None:
        """The sockets of parked shims too: held here, they would hide the spawner's death."""
        super().let_go(client)
        self.zygote.let_go()
        for entry in self.entries.values():
            if entry.control is not None:
                entry.control.close()
        for watched in self.creating:
            os.close(watched)

    def resolve(self, fields: Request) -> Request:
        """The request with its image looked up; parked sandboxes of images that have changed are let go."""
        if self.images.changed():
            self.pool.forget()
        if fields["net"] == "internet":
            self.egress.require()
            fields["nameserver"] = NAMESERVER if self.egress.dns else ""
        snapshot = fields.pop("snapshot")
        if fields.pop("backend") == "vm":
            if snapshot:
                raise RefusedError("request", None, "snapshot: a virtual machine has none")
            return machines.furnish(fields, self.images)
        image = self.images.resolve(fields["image"])
        return {**fields, "image": keeping.begin_from(image, snapshot, self.paths) if snapshot else image}

    def port(self, fields: Request) -> Port | None:
        """The network helper's door, for those who need a cable."""
        return self.network.port() if fields["net"] != "none" else None

    def make(self, client: socket.socket, fields: Request, events: list[Event]) -> None:
        """The cold way. A pipe that closes tells us when the fork has answered."""
        network = self.port(fields)
        watched, held = os.pipe2(os.O_CLOEXEC)
        try:
            fds = [client.fileno(), held, *([network.socket.fileno()] if network else [])]
            pid = self.zygote.cold(fields, os.getpid(), events, fds)
        except BaseException:
            os.close(watched)
            raise
        finally:
            os.close(held)
            if network is not None:
                network.close()
        self.creating.add(watched)
        self.loop.watch(watched, FAILED, lambda events: self.created(watched))
        entry = self.entries[fields["id"]] = Entry(fields["id"], os.pidfd_open(pid), pid)
        self.watch_shim(entry)

    def created(self, watched: int) -> None:
        """A creation is over, well or not."""
        self.loop.unwatch(watched)
        os.close(watched)
        self.creating.discard(watched)

    def idle(self) -> bool:
        """May a sandbox be made that nobody has asked for?"""
        room = len(self.entries) + self.pool.most < min(MOST_SANDBOXES, ranges.count())
        return room and not self.stopping and not self.creating and not self.clients

    def park(self, request: Request) -> Entry:
        """Fork a shim that makes a sandbox of this kind and waits."""
        name = fresh_name()
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            pid = self.zygote.park({**request, "id": name, "annotations": {}}, theirs.fileno())
        entry = self.entries[name] = Entry(name, os.pidfd_open(pid), pid, control=control)
        self.watch_shim(entry)
        self.loop.watch(control.fileno(), READ, lambda events: self.heard(entry))
        return entry

    def hand_over(self, entry: Entry, client: socket.socket, fields: Request, asked: float) -> bool:
        """Send a parked shim the request and the client's connection; it answers, and then tells us."""
        assert entry.control is not None
        self.rename(entry, fields["id"])
        entry.asked = client, fields
        network = self.port(fields)
        fds = [client.fileno(), *([network.socket.fileno()] if network else [])]
        order = {"request": fields, "asked": asked}
        try:
            socket.send_fds(entry.control, [json.dumps(order).encode()], fds)
        except OSError as error:
            self.take_failed(entry, str(error))
        if network is not None:
            network.close()
        return True

    def rename(self, entry: Entry, identifier: str) -> None:
        """In the ledger."""
        del self.entries[entry.id]
        entry.id, entry.born = identifier, entry.id
        self.entries[identifier] = entry

    def heard(self, entry: Entry) -> None:
        """A word from a parked shim: that it is ready, that it has taken the request, or why not."""
        assert entry.control is not None
        with contextlib.suppress(OSError):
            word = entry.control.recv(2048)
            if word == b"ready":
                self.pool.ready(entry)
                return
            if word == b"taken" and entry.asked:
                self.forget(entry.asked[0])
                entry.asked = None
                self.hang_up(entry)
                return
            self.take_failed(entry, word.decode(errors="replace") or "it died")
            return
        self.take_failed(entry, "it died")

    def take_failed(self, entry: Entry, reason: str) -> None:
        """Remove it; whoever had asked for it gets another, made cold, and is told."""
        self.hang_up(entry)
        entry.failure = reason
        if not entry.going:
            self.remove(entry)

    def hang_up(self, entry: Entry) -> None:
        """Close our end of its socket."""
        if entry.control is not None:
            self.loop.unwatch(entry.control.fileno())
            entry.control.close()
            entry.control = None

    def lost(self, entry: Entry) -> None:
        """It is being removed, so it is nobody's any more."""
        self.hang_up(entry)
        self.pool.lost(entry)

    def instead(self, entry: Entry) -> None:
        """Serve a request that a parked sandbox failed to serve."""
        assert entry.asked
        client, fields = entry.asked
        if entry.waiting or self.stopping:
            birth.reply(client, birth.refusal(RefusedError("deleted", None, f"{entry.id} was deleted meanwhile")))
        else:
            print(f"spawner: {entry.born} could not become {entry.id}: {entry.failure}", file=sys.stderr, flush=True)
            event = Event("pool.failed", entry.id, {"born": entry.born, "reason": entry.failure})
            try:
                self.make(client, fields, [event])
            except (VitrineError, OSError) as error:
                birth.reply(client, birth.refusal(error))
        self.forget(client)
