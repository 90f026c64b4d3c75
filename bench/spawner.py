"""A spawner of the bench's own, in directories of its own: the running site is not disturbed.

It uses the image that is installed, and ranges of user ids that no other spawner uses.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from runtime.errors import SpawnerUnavailable
from runtime.paths import Paths
from runtime.spawner.client import SpawnerClient

ROOT = Path(__file__).resolve().parent.parent
OWN_BASE, RANGES = 0x0C00_0000, 1024


def wait_ready(client: SpawnerClient, process: subprocess.Popen[bytes], seconds: float = 15) -> None:
    """Wait until the spawner answers."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            client.ping()
            return
        except SpawnerUnavailable:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def stop(client: SpawnerClient, process: subprocess.Popen[bytes]) -> None:
    """Delete all sandboxes and end the spawner."""
    with contextlib.suppress(SpawnerUnavailable):
        client.shutdown()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()


@contextlib.contextmanager
def private_spawner(pool: int | None = None, *, snapshots: bool = True) -> Iterator[SpawnerClient]:
    """A spawner for the duration of a block, with a pool of this size (the default one's unless given);
    without `snapshots` its machines boot."""
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-", dir="/run") as run:
        paths = Paths(Paths.from_environment().state, Path(run))
        kind = 0 if pool else 1 if snapshots else 2  # those of different kinds may run side by side
        base = OWN_BASE + kind * RANGES * 65536
        ranges = {"VITRINE_UID_BASE": str(base), "VITRINE_RANGES": str(RANGES)}
        environment = {**os.environ, **ranges, "VITRINE_STATE": str(paths.state), "VITRINE_RUN": run}
        environment["VITRINE_VM_SNAPSHOTS"] = str(int(snapshots))
        if pool is not None:
            environment["VITRINE_POOL"] = str(pool)
        command = [sys.executable, "-m", "runtime.spawner", "--foreground"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        client = SpawnerClient(paths)
        try:
            wait_ready(client, process)
            yield client
        finally:
            stop(client, process)
