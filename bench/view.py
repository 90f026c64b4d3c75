"""A mount namespace in which the peers find the cgroups they accept.

crun 1.8 refuses a hybrid host, where v1 hierarchies and an empty v2 one stand side by side. On such a host the peers are
started in a mount namespace of their own, in which the v2 tree has been unmounted. The host's mounts are not touched.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

CLONE_NEWNS = 0x20000
libc = ctypes.CDLL(None, use_errno=True)


def hybrid_mounts() -> list[str]:
    """The cgroup2 mounts of a host that has v1 hierarchies too."""
    lines = [line.split(" - ") for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    kinds = [(right.split()[0], left.split()[4]) for left, right in lines]
    unified = [path for kind, path in kinds if kind == "cgroup2"]
    return unified if any(kind == "cgroup" for kind, _ in kinds) else []


@contextlib.contextmanager
def peers_view() -> Iterator[int | None]:
    """A descriptor of the namespace to start peers in; None where the host's own will do."""
    unified = hybrid_mounts()
    if not unified:
        yield None
        return
    script = 'umount "$@" && echo ready && exec sleep infinity'
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", *unified]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        descriptor = os.open(f"/proc/{holder.pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        try:
            yield descriptor
        finally:
            os.close(descriptor)
            holder.kill()


def enter(descriptor: int | None) -> None:
    """Join the view; in a child only."""
    if descriptor is not None and libc.setns(descriptor, CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "setns: the peers' mount namespace")
