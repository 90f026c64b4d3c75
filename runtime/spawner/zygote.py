"""The zygote: a fork of the spawner that does nothing but fork, so that shims share its memory.

After a fork, a page is copied as soon as *either* side writes to it. A shim forked by the
spawner itself would be left alone with an old copy of every page the busy spawner writes to later,
some three mebibytes. The zygote sleeps between two orders and touches next to nothing, so what its
forks do not write themselves stays shared among all of them.

An order is one message with the descriptors it needs. The new process becomes the *spawner's*
child (CLONE_PARENT), which alone watches it and reaps it. The zygote ends with the spawner.

See clone(2), unix(7) for SCM_RIGHTS.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

from runtime.errors import RefusedError
from runtime.events import Event
from runtime.linux import syscalls
from runtime.linux.constants import CLONE_PARENT
from runtime.paths import Paths
from runtime.spawner import birth
from runtime.spawner.network import Port

LARGEST_ORDER = 64 * 1024
Request = dict[str, Any]


class Zygote:
    """The spawner's end. `fork` forks a child that keeps no descriptor of the spawner's but this one."""

    def __init__(self, paths: Paths, group: int, fork: Callable[[Callable[[], None], socket.socket], int]) -> None:
        self.paths, self.group, self.fork = paths, group, fork
        self.channel: socket.socket | None = None

    def start(self) -> socket.socket:
        """Fork the zygote, from a heap whose collector will leave it alone."""
        self.let_go()
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        gc.freeze()
        with theirs:
            self.fork(lambda: serve(theirs, self.paths, self.group), theirs)
        return self.channel

    def let_go(self) -> None:
        """Close our end: the zygote ends, or never was ours."""
        if self.channel is not None:
            self.channel.close()
            self.channel = None

    def order(self, order: Request, fds: list[int]) -> int:
        """Have a shim forked; its pid. A zygote that has died is replaced."""
        message = json.dumps(order).encode()
        for channel in (self.channel, None):
            with contextlib.suppress(OSError):
                channel = channel or self.start()
                socket.send_fds(channel, [message], fds)
                if answer := channel.recv(32):
                    return int(answer)
        raise RefusedError("zygote", None, "the process that forks shims does not answer")

    def cold(self, request: Request, spawner: int, events: list[Event], fds: list[int]) -> int:
        """A shim that makes and answers. `fds`: the client, what it lets go of then, and maybe a network port."""
        told = [event.to_dict() for event in events]
        return self.order({"request": request, "spawner": spawner, "events": told}, fds)

    def park(self, request: Request, control: int) -> int:
        """A shim that makes, and waits at this socket."""
        return self.order({"request": request}, [control])


def serve(channel: socket.socket, paths: Paths, group: int) -> None:
    """In the zygote: fork at each order, until the spawner is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        data, fds, _, _ = socket.recv_fds(channel, LARGEST_ORDER, 3)
        if not data:
            return
        pid, pidfd = syscalls.clone3(CLONE_PARENT, exit_signal=0)
        if pid == 0:
            channel.close()
            become(json.loads(data), list(fds), paths, group)
        for fd in (*fds, pidfd):
            os.close(fd)
        channel.send(str(pid).encode())


def become(order: Request, fds: list[int], paths: Paths, group: int) -> NoReturn:
    """In the shim: live as one, and end."""
    status = 1
    try:
        if "spawner" in order:
            client, held, *ports = fds
            network = Port(socket.socket(fileno=ports[0])) if ports else None
            events = [Event(**event) for event in order["events"]]
            connection = socket.socket(fileno=client)
            birth.become_shim(order["request"], paths, network, group, connection, order["spawner"], events, held)
        else:
            birth.park(order["request"], paths, group, socket.socket(fileno=fds[0]))
        status = 0
    except BaseException:  # noqa: BLE001 - nothing may return into the zygote's loop
        with contextlib.suppress(OSError):  # nobody may read our log any more
            traceback.print_exc()
            sys.stderr.flush()
    finally:
        os._exit(status)
