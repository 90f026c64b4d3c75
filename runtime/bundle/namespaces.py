"""New namespaces, joined ones, and the id maps between.

A namespace without a path is made at the clone that bears the container; one with a path is entered just
before. A user namespace that is joined comes first, since it owns the others.

See namespaces(7), setns(2), user_namespaces(7), config-linux.md "Namespaces".
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from runtime.linux import constants as c
from runtime.linux import syscalls

ORDER = ("user", "pid", "ipc", "uts", "network", "cgroup", "mount")
LATE = c.CLONE_NEWCGROUP  # made by the child itself, once it is in the group that is to look like the top


def new_flags(namespaces: dict[str, str]) -> int:
    """The flags of the clone."""
    return sum(c.NAMESPACE_FLAGS[kind] for kind, path in namespaces.items() if not path) & ~LATE


def join(namespaces: dict[str, str], kinds: tuple[str, ...] = ORDER) -> None:
    """Enter those that have a path, in the order in which one gives the right to the next."""
    for kind in kinds:
        if path := namespaces.get(kind):
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                syscalls.setns(fd, c.NAMESPACE_FLAGS[kind])
            finally:
                os.close(fd)


def write_maps(pid: int, linux: dict[str, Any]) -> None:
    """uid_map and gid_map of a new user namespace, written with the host's power."""
    for name, key in (("uid_map", "uidMappings"), ("gid_map", "gidMappings")):
        rows = [f"{row['containerID']} {row['hostID']} {row['size']}" for row in linux.get(key) or []]
        if rows:
            Path(f"/proc/{pid}/{name}").write_text("\n".join(rows))


def become_root() -> None:
    """In a new user namespace nobody is anybody until told so."""
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
