"""What a mixed process tries, once its fences stand: four small acts, each seen from outside.

It gives itself a name, mounts a filesystem, writes a file and listens on a port. Where a thing is
shared with the sandbox around, the act changes that sandbox; where it is its own, it does not;
where a fence forbids it, nothing happens at all. Which of the three it was is not asked here: the
x-ray looks from the host. Only *why* an act failed is what this process says of itself.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable

from runtime.linux import constants as c
from runtime.linux import syscalls
from runtime.mix.recipe import Mix

SLEEP = "/usr/bin/sleep"
DIRECTORY = "/srv"  # lies on the root filesystem of every image


def mount_point(mix: Mix) -> str:
    """Where it mounts."""
    return f"/mnt/{mix.name}"


def file(mix: Mix) -> str:
    """What it writes."""
    return f"{DIRECTORY}/{mix.name}"


def program(mix: Mix) -> str:
    """What it becomes in the end: a link to `sleep`, so that every list of processes calls it by its name."""
    return f"/run/{mix.name}"


def perform(mix: Mix) -> dict[str, str | None]:
    """Try every act; the name of the error of each, or None."""
    acts: dict[str, Callable[[], None]] = {
        "hostname": lambda: socket.sethostname(mix.name),
        "mount": lambda: syscalls.mount("mix", mount_point(mix), "tmpfs", c.MS_NOSUID | c.MS_NODEV, "size=16k"),
        "file": lambda: _write(file(mix)),
        "port": lambda: _listen(mix.port),
    }
    return {name: _failure(act) for name, act in acts.items()}


def _failure(act: Callable[[], None]) -> str | None:
    try:
        act()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "EIO")
    return None


def _write(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644))


def _listen(port: int) -> None:
    """The program this process becomes keeps the socket."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("0.0.0.0", port))
    listener.listen(1)
    listener.set_inheritable(True)
    listener.detach()
