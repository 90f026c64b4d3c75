"""The spawner at work: one message in, a fork, and back to listening.

Nothing here waits. Creating is done by the fork that becomes the shim, deleting by an
undertaker, and questions to a shim are carried by a messenger; each answers the client itself
or by its exit status. A second spawner on the same directory is refused by a lock.

See unix(7), flock(2), pidfd_open(2).
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import time
from typing import Any

from runtime.container.lifecycle import live_state
from runtime.errors import ExistsError, NotFoundError, RefusedError, VitrineError
from runtime.linux import cgroups
from runtime.loop import READ
from runtime.paths import Paths
from runtime.shim.client import ShimClient
from runtime.spawner import birth, keeping, places, pool, requests
from runtime.spawner.client import LARGEST_MESSAGE
from runtime.spawner.ledger import Entry, survivors
from runtime.spawner.makers import MOST_SANDBOXES, Makers
from runtime.spawner.requests import Peer

LISTED_AT_ONCE = 50
Request = dict[str, Any]


class Spawner(Makers):
    """Listens, checks, forks, reaps."""

    def __init__(self, paths: Paths, *, ephemeral: bool = False) -> None:
        super().__init__(paths, 0 if ephemeral else pool.size(os.environ))
        self.ephemeral = ephemeral
        self.ending: list[socket.socket] = []
        self.wake_on_signals()
        self.adopt()
        self.listener = places.listen(paths, self.group)
        self.loop.watch(self.listener.fileno(), READ, self.accept)

    def wake_on_signals(self) -> None:
        """SIGTERM and SIGINT end the loop from outside of the signal handler."""
        readable, writable = self.wakeup
        signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, frame: None)
        self.loop.watch(readable, READ, lambda events: self.interrupted())

    def interrupted(self) -> None:
        """A signal: end, leaving the shims to the next spawner unless we are ephemeral. A second one: at once."""
        if self.stopping:
            self.loop.stop()
            return
        os.read(self.wakeup[0], 64)
        self.leaving = not self.ephemeral
        self.remove_all()

    def adopt(self) -> None:
        """Take over the shims a former spawner left, and remove what its dead ones left."""
        for identifier, shim in survivors(self.paths):
            entry = self.entries[identifier] = Entry(identifier, shim)
            if shim is None:
                self.remove(entry)
            else:
                self.watch_shim(entry)
        keeping.forget_dead({name for name, entry in self.entries.items() if not entry.going}, self.paths)

    def run(self) -> None:
        """Serve until a signal or the verb `shutdown`. Shims outlive a signal."""
        # A collector that walks over what a fork inherited would make it copy those pages.
        gc.freeze()
        self.zygote.start()
        if self.pool.most:  # a node that keeps things ready: the helper's import takes a fifth of a second
            self.network.start()
        try:
            self.loop.run()
        finally:
            self.network.close()
            if self.listener is not None:
                self.listener.close()
            for client in self.ending:
                birth.reply(client, {"ok": True})
            with contextlib.suppress(FileNotFoundError):
                self.paths.spawner_socket.unlink()
            cgroups.remove_parents(self.paths.cgroup)
            if not self.entries:
                keeping.forget_all(self.paths)

    # Requests

    def accept(self, events: int) -> None:
        """A new client, who sends one message."""
        assert self.listener is not None
        try:
            client, _ = self.listener.accept()
        except OSError:
            return
        client.setblocking(False)
        self.clients.add(client)
        self.loop.watch(client.fileno(), READ, lambda events: self.receive(client))

    def receive(self, client: socket.socket) -> None:
        """The message; what is wrong with it is the answer."""
        self.loop.unwatch(client.fileno())
        try:
            keep = self.handle(client, client.recv(LARGEST_MESSAGE))
        except VitrineError as error:
            birth.reply(client, birth.refusal(error))
            keep = False
        except OSError as error:
            birth.reply(client, birth.refusal(error))
            keep = False
        if not keep:
            self.forget(client)

    def handle(self, client: socket.socket, message: bytes) -> bool:
        """Perform the request; True if someone will answer on this connection later."""
        if not message:
            return False
        try:
            request = json.loads(message)
        except (ValueError, RecursionError):
            request = None
        if not isinstance(request, dict) or request.get("v") != 1:
            raise requests.refuse("message", "is not a JSON object of version 1")
        peer = Peer.of(client)
        verb = requests.admit(peer, request.get("verb"), self.site_uid)
        return bool(getattr(self, f"do_{verb}")(client, request, peer))

    def do_ping(self, client: socket.socket, request: Request, peer: Peer) -> bool:
        """Alive, and how full."""
        pooled = sum(entry.pooled for entry in self.entries.values())
        ready = sum(entry.ready for entry in self.pool.parked)
        birth.reply(client, {"ok": True, "pid": os.getpid(), "sandboxes": len(self.entries) - pooled, "ready": ready})
        return False

    def do_list(self, client: socket.socket, request: Request, peer: Peer) -> bool:
        """The states of all sandboxes: a thousand files to read, so a messenger does it."""
        identifiers = [name for name, entry in self.entries.items() if not entry.pooled]
        self.in_fork(lambda: send_list(client, identifiers, self.paths), client)
        return False

    def do_state(self, client: socket.socket, request: Request, peer: Peer) -> bool:
        """The state of one."""
        entry = self.find(request)
        birth.reply(client, {"ok": True, "state": live_state(entry.id, self.paths).to_dict()})
        return False

    def find(self, request: Request) -> Entry:
        """The entry a request names."""
        identifier = requests.identifier(request)
        if identifier not in self.entries:
            raise NotFoundError(f"no sandbox has the id {identifier}")
        return self.entries[identifier]

    def carry(self, client: socket.socket, request: Request, peer: Peer) -> bool:
        """Have a messenger put the question to the shim."""
        entry = self.find(request)
        fields = {"signal": requests.number(request, "signal", 15, 1, 64)}
        path, verb = self.paths.shim_socket(entry.id), request["verb"]

        def ask() -> None:
            try:
                answer = ShimClient(path).ask(verb, **fields)
            except (VitrineError, OSError) as error:
                answer = birth.refusal(error)
            birth.reply(client, answer)

        self.in_fork(ask, client)
        return False

    do_start = do_kill = do_pause = do_resume = carry

    def do_snapshot(self, client: socket.socket, request: Request, peer: Peer) -> bool:
        """Keep what a sandbox has changed, to begin from later."""
        self.find(request)
        sandbox, name = keeping.fields(request)
        self.in_fork(keeping.answered(client, lambda: keeping.take(sandbox, name, self.paths)), client)
        return False

    def do_snapshots(self, client: socket.socket, request: Request, peer: Peer) -> bool:
        """Which there are; the sandbox itself may be gone."""
        sandbox = requests.identifier(request)
        self.in_fork(keeping.answered(client, lambda: keeping.listed(sandbox, self.paths)), client)
        return False

    def do_forget(self, client: socket.socket, request: Request, peer: Peer) -> bool:
        """Remove them, or with `after` those younger than one."""
        sandbox = requests.identifier(request)
        after = keeping.fields({**request, "name": request["after"]})[1] if request.get("after") else None
        self.in_fork(keeping.answered(client, lambda: keeping.forget(sandbox, after, self.paths)), client)
        return False

    def do_create(self, client: socket.socket, request: Request, peer: Peer) -> bool:
        """Fork the shim, which makes the sandbox and answers."""
        caps = requests.FOR_SITE if peer.uid else requests.FOR_ROOT
        fields = {**requests.sandbox(request, caps), "snapshot": keeping.origin(request)}
        if fields["id"] in self.entries:
            raise ExistsError(f"a sandbox has the id {fields['id']} already")
        if self.stopping or len(self.entries) >= MOST_SANDBOXES:
            raise RefusedError("full", None, "this node takes no more sandboxes")
        asked = time.monotonic()
        particular = fields["snapshot"] or fields["backend"] == "vm"
        fields = self.resolve(fields)
        entry = None if particular else self.pool.take(fields)
        if entry is not None:
            return self.hand_over(entry, client, fields, asked)
        self.make(client, fields, [])
        return False

    def do_delete(self, client: socket.socket, request: Request, peer: Peer) -> bool:
        """Remove; who asks for what is gone is told it is gone."""
        identifier = requests.identifier(request)
        entry = self.entries.setdefault(identifier, Entry(identifier))
        entry.waiting.append(client)
        if not entry.going:
            self.remove(entry)
        return True

    def do_shutdown(self, client: socket.socket, request: Request, peer: Peer) -> bool:
        """Remove every sandbox, then end."""
        self.ending.append(client)
        self.remove_all()
        return True


def send_list(client: socket.socket, identifiers: list[str], paths: Paths) -> None:
    """The states in messages of fifty, since a message has a largest size; the last says so."""
    client.settimeout(10)
    found: list[Request] = []
    for identifier in identifiers:
        with contextlib.suppress(VitrineError, OSError):
            found.append(live_state(identifier, paths).to_dict())
        if len(found) == LISTED_AT_ONCE:
            birth.reply(client, {"ok": True, "sandboxes": found, "more": True})
            found = []
    birth.reply(client, {"ok": True, "sandboxes": found, "more": False})
