"""Finding the spawner, or being one for a while.

`run --rm` has to work on a machine where nothing of ours runs. Then a fork of the command
line is the spawner for as long as the command takes, on a directory of its own, so that two
such commands do not know of each other; only the leases of user ids are shared, since ids are
the machine's. It removes everything when it ends, however that comes about.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Iterator

from runtime.errors import RefusedError, SpawnerUnavailable
from runtime.linux import syscalls
from runtime.linux.constants import PR_SET_PDEATHSIG
from runtime.paths import Paths, PrivatePaths
from runtime.spawner.client import SpawnerClient


@contextlib.contextmanager
def spawner(paths: Paths, *, private: bool = False) -> Iterator[SpawnerClient]:
    """A client of the running spawner; with `private`, of one started for this occasion."""
    client = SpawnerClient(paths)
    try:
        client.ping()
    except SpawnerUnavailable:
        if not private:
            raise
    else:
        yield client
        return
    own = PrivatePaths(paths.state, paths.run / f"p{os.getpid()}")
    client = SpawnerClient(own)
    pid = start(own)
    try:
        wait_ready(client, pid)
        yield client
    finally:
        stop(client, pid)


def start(paths: Paths) -> int:
    """Fork a spawner."""
    if os.geteuid() != 0:
        raise RefusedError("denied", None, "no spawner runs, and only root can be one: try sudo")
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        # A session of its own: Ctrl-C is for the command, and reaches us through its end.
        os.setsid()
        # SIGKILL and a lost terminal end the command line without a word: then end as well.
        syscalls.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        from runtime.spawner.server import Spawner

        try:
            Spawner(paths, ephemeral=True).run()
            status = 0
        finally:
            shutil.rmtree(paths.run, ignore_errors=True)
    finally:
        os._exit(status)


def wait_ready(client: SpawnerClient, pid: int) -> None:
    """Until it answers; it takes a few milliseconds."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with contextlib.suppress(SpawnerUnavailable):
            client.ping()
            return
        if os.waitpid(pid, os.WNOHANG)[0]:
            break
        time.sleep(0.002)
    raise SpawnerUnavailable("no spawner runs, and one of our own did not start")


def stop(client: SpawnerClient, pid: int) -> None:
    """Ask it to remove everything and wait until it has."""
    with contextlib.suppress(SpawnerUnavailable, RefusedError):
        client.shutdown()
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
