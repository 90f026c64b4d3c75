"""What a spawner holds on disk: directories, a lock and a socket.

The directories can be passed through by the site's group and listed by nobody but root. The
lock is the kernel's: it is freed when its holder ends, however that comes about.

See flock(2), unix(7).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket

from runtime.errors import RefusedError
from runtime.paths import Paths


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
