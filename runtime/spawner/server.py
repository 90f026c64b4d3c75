"""The spawner at work: one message in, a fork, and back to listening.

Nothing here waits. Creating is done by the fork that becomes the shim, deleting by an
undertaker, and questions to a shim are carried by a messenger; each answers the client itself
or by its exit status. A second spawner on the same directory is refused by a lock.

See unix(7), flock(2), pidfd_open(2).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

from runtime.container.lifecycle import live_state
from runtime.errors import ExistsError, NotFoundError, RefusedError, VitrineError
from runtime.loop import READ, Loop
from runtime.paths import Paths
from runtime.shim.client import ShimClient
from runtime.spawner import birth, requests
from runtime.spawner.client import LARGEST_MESSAGE
from runtime.spawner.ledger import Entry, survivors
from runtime.spawner.network import NetworkHelper
from runtime.spawner.requests import Peer
from runtime.spawner.undertaker import bury

MOST_SANDBOXES = 4096
Request = dict[str, Any]


class Spawner:
    """Listens, checks, forks, reaps."""

    def __init__(self, paths: Paths, *, ephemeral: bool = False) -> None:
        self.paths = paths
        self.ephemeral = ephemeral
        self.site_uid, self.group = requests.site_user(os.environ)
        prepare(paths, self.group)
        self.lock = take_lock(paths)
        self.loop = Loop()
        self.entries: dict[str, Entry] = {}
        self.clients: set[socket.socket] = set()
        self.network = NetworkHelper()
        self.ending: list[socket.socket] = []
        self.stopping = False
        self.wakeup = self.wake_on_signals()
        self.adopt()
        self.listener = listen(paths, self.group)
        self.loop.watch(self.listener.fileno(), READ, self.accept)

    def wake_on_signals(self) -> tuple[int, int]:
        """SIGTERM and SIGINT end the loop from outside of the signal handler."""
        readable, writable = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, frame: None)
        self.loop.watch(readable, READ, lambda events: self.interrupted())
        return readable, writable

    def interrupted(self) -> None:
        """A signal: end, leaving the shims to the next spawner unless we are ephemeral."""
        if not self.ephemeral or self.stopping:
            self.loop.stop()
            return
        os.read(self.wakeup[0], 64)
        self.remove_all()

    def remove_all(self) -> None:
        """Send the undertaker to every sandbox, and end when the last has gone."""
        self.stopping = True
        for entry in list(self.entries.values()):
            if not entry.going:
                self.remove(entry)
        self.end_if_empty()

    def adopt(self) -> None:
        """Take over the shims a former spawner left, and remove what its dead ones left."""
        for identifier, shim in survivors(self.paths):
            entry = self.entries[identifier] = Entry(identifier, shim)
            if shim is None:
                self.remove(entry)
            else:
                self.watch_shim(entry)

    def run(self) -> None:
        """Serve until a signal or the verb `shutdown`. Shims outlive a signal."""
        try:
            self.loop.run()
        finally:
            self.network.close()
            self.listener.close()
            for client in self.ending:
                birth.reply(client, {"ok": True})
            with contextlib.suppress(FileNotFoundError):
                self.paths.spawner_socket.unlink()

    # Requests

    def accept(self, events: int) -> None:
        """A new client, who sends one message."""
        try:
            client, _ = self.listener.accept()
        except OSError:
            return
        client.setblocking(False)
        self.clients.add(client)
        self.loop.watch(client.fileno(), READ, lambda events: self.receive(client))

    def forget(self, client: socket.socket) -> None:
        """Close our end of a connection."""
        self.loop.unwatch(client.fileno())
        self.clients.discard(client)
        client.close()

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
        birth.reply(client, {"ok": True, "pid": os.getpid(), "sandboxes": len(self.entries)})
        return False

    def do_list(self, client: socket.socket, request: Request, peer: Peer) -> bool:
        """The states of all sandboxes."""
        found = []
        for identifier in self.entries:
            with contextlib.suppress(VitrineError, OSError):
                found.append(live_state(identifier, self.paths).to_dict())
        self.in_fork(lambda: birth.reply(client, {"ok": True, "sandboxes": found}), client)
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

    def do_create(self, client: socket.socket, request: Request, peer: Peer) -> bool:
        """Fork the shim, which makes the sandbox and answers."""
        caps = requests.FOR_SITE if peer.uid else requests.FOR_ROOT
        fields = requests.sandbox(request, caps)
        if fields["id"] in self.entries:
            raise ExistsError(f"a sandbox has the id {fields['id']} already")
        if self.stopping or len(self.entries) >= MOST_SANDBOXES:
            raise RefusedError("full", None, "this node takes no more sandboxes")
        network = self.network.port() if fields["net"] == "lab" else None
        entry = self.entries[fields["id"]] = Entry(fields["id"])
        entry.child_pid = self.in_fork(
            lambda: birth.become_shim(fields, self.paths, network, self.group, client), client, reap=False
        )
        entry.shim = os.pidfd_open(entry.child_pid)
        if network is not None:
            network.close()
        self.watch_shim(entry)
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

    def end_if_empty(self) -> None:
        """The last sandbox has gone and the end was asked for."""
        if self.stopping and not self.entries:
            self.loop.stop()

    # Shims and undertakers

    def watch_shim(self, entry: Entry) -> None:
        """Learn when a shim ends; its pidfd becomes readable."""
        assert entry.shim is not None
        self.loop.watch(entry.shim, READ, lambda events: self.shim_ended(entry))

    def shim_ended(self, entry: Entry) -> None:
        """However it ended, what it left is removed."""
        assert entry.shim is not None
        self.loop.unwatch(entry.shim)
        reap(entry.child_pid)
        if not entry.going:
            self.remove(entry)

    def remove(self, entry: Entry) -> None:
        """Send the undertaker."""
        pid = self.in_fork(lambda: bury(entry.id, self.paths, entry.shim), reap=False)
        undertaker = entry.undertaker = os.pidfd_open(pid)
        self.loop.watch(undertaker, READ, lambda events: self.buried(entry, pid))

    def buried(self, entry: Entry, pid: int) -> None:
        """The undertaker is back: tell those who wait how it went."""
        assert entry.undertaker is not None
        self.loop.unwatch(entry.undertaker)
        os.close(entry.undertaker)
        failed = reap(pid)
        if entry.shim is not None:
            self.loop.unwatch(entry.shim)
            reap(entry.child_pid)
            os.close(entry.shim)
        del self.entries[entry.id]
        answer: Request = {"ok": True}
        if failed:
            message = f"{entry.id} could not be removed; the spawner's log says why"
            answer = {"ok": False, "error": {"code": "remove", "step": None, "message": message}}
        for client in entry.waiting:
            birth.reply(client, answer)
            self.forget(client)
        self.end_if_empty()

    def in_fork(self, act: Callable[[], None], client: socket.socket | None = None, *, reap: bool = True) -> int:
        """Do something in a child that keeps no descriptor of ours but this client's.

        With `reap`, the child is watched and forgotten; without, its end is the caller's to see.
        """
        pid = os.fork()
        if pid == 0:
            self.leave(act, client)
        if reap:
            pidfd = os.pidfd_open(pid)
            self.loop.watch(pidfd, READ, lambda events: self.child_ended(pid, pidfd))
        return pid

    def leave(self, act: Callable[[], None], client: socket.socket | None) -> NoReturn:
        """In the child: let go of the spawner's things, act, and end."""
        status = 1
        try:
            self.let_go(client)
            act()
            status = 0
        except BaseException:  # noqa: BLE001 - nothing may return into the spawner's loop
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)

    def let_go(self, client: socket.socket | None) -> None:
        """Close our copies: a lock or a listening socket held here would outlive the spawner."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        self.loop.close()
        for fd in self.wakeup:
            os.close(fd)
        os.close(self.lock)
        if hasattr(self, "listener"):
            self.listener.close()
        self.network.let_go()
        for other in self.clients - {client}:
            other.close()
        for entry in self.entries.values():
            for pidfd in (entry.shim, entry.undertaker):
                if pidfd is not None:
                    os.set_inheritable(pidfd, False)

    def child_ended(self, pid: int, pidfd: int) -> None:
        """A messenger is back."""
        self.loop.unwatch(pidfd)
        os.close(pidfd)
        reap(pid)


def reap(pid: int) -> int:
    """The exit status of a child that has ended; 0 if it is no child of ours."""
    if not pid:
        return 0
    try:
        return os.waitpid(pid, os.WNOHANG)[1]
    except ChildProcessError:
        return 0


def prepare(paths: Paths, group: int) -> None:
    """The directories, which the site may pass through and not list."""
    for directory in (paths.run, paths.sandboxes, paths.ranges):
        directory.mkdir(parents=True, exist_ok=True)
    os.chown(paths.sandboxes, 0, group)
    paths.sandboxes.chmod(0o710)
    paths.ranges.chmod(0o700)


def take_lock(paths: Paths) -> int:
    """The lock that makes us the only spawner here; the kernel frees it when we end."""
    lock = os.open(paths.run / "spawner.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise RefusedError("running", None, f"a spawner runs on {paths.run} already") from None
    return lock


def listen(paths: Paths, group: int) -> socket.socket:
    """The spawner's socket, for root and the site's group."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
    with contextlib.suppress(FileNotFoundError):
        paths.spawner_socket.unlink()
    mask = os.umask(0o117)
    try:
        listener.bind(str(paths.spawner_socket))
    finally:
        os.umask(mask)
    os.chown(paths.spawner_socket, 0, group)
    listener.listen(256)
    return listener
