"""The observer: a child of the shim that looks at the sandbox while somebody watches.

It is a fork, so it is there at once (and costs some four megabytes while it lives) and has what only the shim has: the mount
namespace in which the upper layer can be seen, and the laboratory's bridge. It is another
process, so a look that takes long holds up no keystroke; and it gives up every capability but
the three that looking needs. It is *not* in the sandbox: before the fork the shim turns its
children's pid namespace back to the host's for a moment, or `ps` inside would show it.

Each viewer is remembered by the observation it was last sent. When its socket takes more, it is
sent the difference to the newest. So a slow viewer gets fewer messages, never an old one.

See fork(2), unix(7) for SCM_RIGHTS, capabilities(7).
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from runtime.container.lifecycle import Container
from runtime.linux import capabilities, syscalls
from runtime.linux import constants as c
from runtime.loop import READ, Loop
from runtime.oci import state as records
from runtime.paths import Paths
from runtime.shim import frames
from runtime.shim.connection import Connection
from runtime.xray import guest
from runtime.xray.collector import GLANCE, Collector
from runtime.xray.compare import Observation
from runtime.xray.subject import Subject

KEPT = ("dac_read_search", "sys_ptrace", "sys_admin")
NAME = "vitrine-xray"  # for `ps` on the host
MOST_VIEWERS = 64
GUEST_PATIENCE = 2.0  # seconds after which a single look does without a guest's words
POLITE = 5  # nice(2): the sandbox's own work, and everyone's keystrokes, go first


def subject_of(container: Container, paths: Paths) -> Subject:
    """What the x-ray must know of a container."""
    spec = container.spec
    return Subject(
        spec.id, container.init_pid, container.uid_base, container.group, paths.sandbox(spec.id), container.layers, paths.images,
        spec.hostname, spec.profile, spec.resources.writable_bytes, container.lab_fd,
        records.read(paths.state_file(spec.id)).created, steps=container.timings,
        supervisor=guest.connect(container.init_pid, container.uid_base) if spec.machine else None,
        backend="vm" if spec.machine else "container",
    )  # fmt: skip


class Viewer:
    """One who watches, and the observation it knows."""

    def __init__(self, connection: Connection, once: bool) -> None:
        self.connection = connection
        self.once = once
        self.told: Observation | None = None

    def tell(self, now: Observation, encode: Callable[[Observation | None, Observation], bytes]) -> None:
        """Bring it up to date, if it has taken all that it was sent."""
        if self.once:
            self.connection.send_json(frames.REQUEST, {"ok": True, "observation": now.to_dict()})
            self.connection.finish()
            self.told = now
        elif self.connection.clear and now is not self.told:
            self.connection.send(encode(self.told, now))
            self.told = now


class Observer:
    """The child's loop: a glance ten times a second, and messages for whoever watches."""

    def __init__(self, subject: Subject, control: socket.socket) -> None:
        self.loop = Loop()
        self.collector = Collector(subject)
        self.control = control
        self.viewers: set[Viewer] = set()
        self.received = 0
        self.encoded: tuple[Observation | None, Observation, bytes] | None = None
        self.loop.watch(control.fileno(), READ, self.receive)
        self.init = os.pidfd_open(subject.init_pid)
        self.loop.watch(self.init, READ, self.init_ended)
        self.began = time.monotonic()
        if subject.supervisor is not None:
            self.loop.watch(subject.supervisor.fileno(), READ, self.guest_told)

    def guest_told(self, events: int) -> None:
        """The guest tells of itself, or its supervisor has gone."""
        inside = self.collector.guest
        if inside is not None and not inside.receive():
            self.loop.unwatch(inside.wire.fileno())

    def run(self) -> None:
        """Until the shim hangs up."""
        self.tick()
        self.loop.run()

    def receive(self, events: int) -> None:
        """A viewer's socket from the shim; or the shim's end, and then ours."""
        data, fds, _, _ = socket.recv_fds(self.control, 65536, 1)
        if not data:
            self.loop.stop()
            return
        self.received += 1
        connection = Connection(self.loop, socket.socket(fileno=fds[0]))
        if len(self.viewers) >= MOST_VIEWERS:
            connection.close()
            return
        viewer = Viewer(connection, bool(json.loads(data)["once"]))
        viewer.connection.on_clear = lambda: self.tell(viewer)
        viewer.connection.on_gone = lambda: self.gone(viewer)
        self.viewers.add(viewer)
        self.tell(viewer)

    def gone(self, viewer: Viewer) -> None:
        """One fewer. When nobody is left, tell the shim, which may have sent somebody meanwhile."""
        self.viewers.discard(viewer)
        if not self.viewers:
            with contextlib.suppress(OSError):
                self.control.send(json.dumps({"idle": self.received}).encode())

    def tick(self) -> None:
        """Look, if it is time."""
        news = self.viewers and self.collector.tick()
        for viewer in list(self.viewers):
            if viewer.told is None if viewer.once else news:
                self.tell(viewer)
        self.loop.call_later(GLANCE, self.tick)

    def tell(self, viewer: Viewer) -> None:
        """Tell one viewer what is known; a viewer who comes first makes us look. Who looks once waits for the guest."""
        if viewer.once and self.collector.unheard and time.monotonic() < self.began + GUEST_PATIENCE:
            return
        latest = self.collector.latest
        if latest is None or viewer.once:
            self.collector.look()
            latest = self.collector.latest
        if latest is not None:
            viewer.tell(latest, self.encode)

    def encode(self, old: Observation | None, new: Observation) -> bytes:
        """The message from one observation to another; made once for all who need the same."""
        if self.encoded is None or self.encoded[0] is not old or self.encoded[1] is not new:
            message = new.since(old) if old else {"type": "snapshot", "observation": new.to_dict()}
            self.encoded = (old, new, frames.pack_json(frames.CONTROL, message))
        return self.encoded[2]

    def init_ended(self, events: int) -> None:
        """Nothing is left to look at."""
        self.loop.unwatch(self.init)
        for viewer in list(self.viewers):
            viewer.connection.send_json(frames.CONTROL, {"type": "bye", "reason": "stopped"})
            viewer.connection.finish()


def become_observer(subject: Subject, control: socket.socket, parent: int) -> None:
    """In the fork: let go of everything of the shim's, then look until it hangs up. Never returns."""
    status = 1
    try:
        wire = subject.supervisor.fileno() if subject.supervisor else -1
        _let_go({0, 1, 2, control.fileno(), subject.lab_fd, wire})
        Path("/proc/self/comm").write_text(NAME)
        os.nice(POLITE)
        capabilities.keep(KEPT)
        syscalls.prctl(c.PR_SET_PDEATHSIG, signal.SIGKILL)
        gc.freeze()
        if os.getppid() == parent:
            Observer(subject, control).run()
        status = 0
    finally:
        os._exit(status)


def _let_go(kept: set[int]) -> None:
    """Close what was inherited: a terminal's pty held here would never hang up."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in kept:
            with contextlib.suppress(OSError):
                os.close(int(name))


def taken(connection: Connection) -> int:
    """A connection's socket, which is no longer the loop's."""
    connection.loop.unwatch(connection.fd)
    connection.open = False
    connection.on_gone()
    return connection.socket.detach()


class Watch:
    """The shim's side: starts the observer for the first viewer, and hands it every further one."""

    def __init__(self, loop: Loop, subject: Callable[[], Subject]) -> None:
        self.loop = loop
        self.subject = subject
        self.control: socket.socket | None = None
        self.pid, self.pidfd = 0, -1
        self.sent = 0

    def add(self, connection: Connection, once: bool) -> None:
        """One more viewer."""
        if self.control is None:
            self.start()
        assert self.control is not None
        fd = taken(connection)
        try:
            socket.send_fds(self.control, [json.dumps({"once": once}).encode()], [fd])
            self.sent += 1
        finally:
            os.close(fd)

    def start(self) -> None:
        """Fork the observer, in the host's pid namespace."""
        subject = self.subject()
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        me = os.getpid()
        with theirs, _host_pids():
            self.pid = os.fork()
            if self.pid == 0:
                become_observer(subject, theirs, me)
        if subject.supervisor is not None:
            subject.supervisor.close()  # the fork's alone
        self.pidfd = os.pidfd_open(self.pid)
        self.sent = 0
        self.loop.watch(self.control.fileno(), READ, self.heard)
        self.loop.watch(self.pidfd, READ, lambda events: self.stop())

    def heard(self, events: int) -> None:
        """The observer has nobody to look for: let it end, unless somebody is on the way to it."""
        assert self.control is not None
        try:
            message: dict[str, Any] = json.loads(self.control.recv(4096) or b"{}")
        except (OSError, ValueError):
            message = {}
        if message.get("idle", self.sent) == self.sent:
            self.stop()

    def stop(self) -> None:
        """End the observer and wait for it; harmless when there is none."""
        if self.control is None:
            return
        self.loop.unwatch(self.control.fileno())
        self.loop.unwatch(self.pidfd)
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        os.close(self.pidfd)
        self.control.close()
        self.control = None


@contextlib.contextmanager
def _host_pids() -> Iterator[None]:
    """Children made meanwhile live in our own pid namespace, not in the sandbox's."""
    sandbox = os.open("/proc/self/ns/pid_for_children", os.O_RDONLY | os.O_CLOEXEC)
    host = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    try:
        syscalls.setns(host, c.CLONE_NEWPID)
        yield
    finally:
        syscalls.setns(sandbox, c.CLONE_NEWPID)
        os.close(sandbox)
        os.close(host)
