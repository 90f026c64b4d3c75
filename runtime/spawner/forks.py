"""The forks of the spawner: everything that waits, or that must not fail inside it.

A fork begins with a copy of all the spawner holds. A lock, a listening socket or another
client's connection kept open by it would outlive the spawner, so it lets go of them first.
Its end is seen by pidfd, like every other event. See fork(2), pidfd_open(2).
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

from runtime.loop import READ, Loop
from runtime.paths import Paths
from runtime.spawner import birth, places, requests
from runtime.spawner.ledger import Entry
from runtime.spawner.network import NetworkHelper
from runtime.spawner.undertaker import bury


class Forks:
    """What the spawner holds, who its children are, and how each of them ends."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.site_uid, self.group = requests.site_user(os.environ)
        places.prepare(paths, self.group)
        self.lock = places.take_lock(paths)
        self.listener: socket.socket | None = None
        self.loop = Loop()
        self.entries: dict[str, Entry] = {}
        self.clients: set[socket.socket] = set()
        self.network = NetworkHelper(paths.sandboxes)
        self.stopping = False
        self.leaving = False  # stopping, but the students' sandboxes stay for the next spawner
        self.wakeup = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def forget(self, client: socket.socket) -> None:
        """Close our end of a connection."""
        self.loop.unwatch(client.fileno())
        self.clients.discard(client)
        client.close()

    def remove_all(self) -> None:
        """Send the undertaker to every sandbox that goes with us, and end when the last has gone."""
        self.stopping = True
        for entry in list(self.entries.values()):
            if not entry.going and (entry.pooled or not self.leaving):
                self.remove(entry)
        self.end_if_empty()

    def end_if_empty(self) -> None:
        """The last sandbox that has to go has gone, and the end was asked for."""
        if self.stopping and not [entry for entry in self.entries.values() if entry.pooled or not self.leaving]:
            self.loop.stop()

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
        self.lost(entry)
        pid = self.in_fork(lambda: bury(entry.id, self.paths, entry.shim, entry.born), reap=False)
        undertaker = entry.undertaker = os.pidfd_open(pid)
        self.loop.watch(undertaker, READ, lambda events: self.buried(entry, pid))

    def lost(self, entry: Entry) -> None:
        """A hook: this one will not be ready for anyone."""

    def instead(self, entry: Entry) -> None:
        """A hook: the request that this one had taken is still to be served."""

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
        answer: dict[str, object] = {"ok": True}
        if failed:
            message = f"{entry.id} could not be removed; the spawner's log says why"
            answer = {"ok": False, "error": {"code": "remove", "step": None, "message": message}}
        for client in entry.waiting:
            birth.reply(client, answer)
            self.forget(client)
        if entry.asked:
            self.instead(entry)
        self.end_if_empty()

    def in_fork(self, act: Callable[[], None], client: socket.socket | None = None, *, reap: bool = True) -> int:
        """Do something in a child that keeps no descriptor of ours but this client's.

        With `reap`, the child is watched and forgotten; without, its end is the caller's to see.
        """
        # A signal that came before the child has let go would be written to our wake-up pipe.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))
        pid = os.fork()
        if pid == 0:
            self.leave(act, client)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
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
            with contextlib.suppress(OSError):  # nobody may read our log any more
                traceback.print_exc()
                sys.stderr.flush()
        finally:
            os._exit(status)

    def let_go(self, client: socket.socket | None) -> None:
        """Close our copies: a lock or a listening socket held here would outlive the spawner."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT))
        self.loop.close()
        for fd in self.wakeup:
            os.close(fd)
        os.close(self.lock)
        if self.listener is not None:
            self.listener.close()
        self.network.let_go()
        for other in self.clients - {client}:
            other.close()

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
