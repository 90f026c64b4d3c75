"""Volumes: directories of the container's own disk, mounted beside its root overlay.

`clone` runs on the host and makes each a detached mount, which is nothing but a descriptor;
`attach` runs inside and puts them in place. A volume is a directory next to the overlay's upper
one, on the same bounded tmpfs: it is part of the same limit and goes with it.

See open_tree(2), move_mount(2). Without them podman inside would find its store on an overlay,
and copy every file of every image instead of stacking them.
"""

from __future__ import annotations

import os
from pathlib import Path

from runtime.linux import syscalls


def clone(number: int, disk: Path, uid: int) -> list[int]:
    """So many detached mounts, each of an empty directory that root inside owns."""
    fds = []
    for name in range(number):
        directory = disk / f"volume-{name}"
        directory.mkdir(mode=0o755)
        os.chown(directory, uid, uid)
        fds.append(syscalls.open_tree(directory))
    return fds


def attach(places: tuple[str, ...], fds: list[int]) -> None:
    """Inside, with the new root in place. A volume takes owner and mode of what it covers; one
    that would hide files of the image is left out, since those lie on the same disk anyway."""
    for place, fd in zip(places, fds, strict=True):
        os.makedirs(place, exist_ok=True)
        covered = os.stat(place)
        if not os.listdir(place):
            syscalls.move_mount(fd, place)
            os.chown(place, covered.st_uid, covered.st_gid)
            os.chmod(place, covered.st_mode & 0o7777)
        os.close(fd)
