"""Volumes: directories that a container sees beside its root overlay.

`clone` runs on the host and makes each a detached mount, which is nothing but a descriptor;
`attach` runs inside and puts them in place. A volume of the disk is a directory next to the
overlay's upper one, on the same bounded tmpfs, and so part of the same limit. A read-only one
is cut out of the image's layer, whose ids are mapped already: no byte is copied, and every
container reads the same pages.

A layer's content was written by a stranger, so the way to a directory in it is walked by hand,
one name at a time and never through a link: it might lead to the host's /etc.

See open_tree(2), move_mount(2). Without them podman inside would find its store on an overlay,
and copy every file of every image instead of stacking them.
"""

from __future__ import annotations

import os
from pathlib import Path

from runtime.errors import SpecError
from runtime.linux import syscalls
from runtime.oci.mounts import Mount

_WALK = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def clone(mounts: tuple[Mount, ...], disk: Path, layers: list[Path], uid: int) -> list[int]:
    """Detached mounts in the order of `mounts`. `layers` are mounted ones, lowest first."""
    fds: list[int] = []
    try:
        for number, mount in enumerate(mounts):
            fds.append(_volume(disk / f"volume-{number}", uid) if mount.source == "disk" else _cut(layers, mount.destination))
    except BaseException:
        for fd in fds:
            os.close(fd)
        raise
    return fds


def _volume(directory: Path, uid: int) -> int:
    directory.mkdir(mode=0o755)
    os.chown(directory, uid, uid)
    return syscalls.open_tree(directory)


def _cut(layers: list[Path], destination: str) -> int:
    """The directory in the highest layer that has it."""
    for layer in reversed(layers):
        try:
            fd = _walk(layer, destination)
        except OSError:
            continue
        try:
            return syscalls.open_tree(f"/proc/self/fd/{fd}")
        finally:
            os.close(fd)
    raise SpecError("mounts", f"the image has no directory {destination}")


def _walk(layer: Path, destination: str) -> int:
    fd = os.open(layer, _WALK)
    for name in destination.strip("/").split("/"):
        below = fd
        try:
            fd = os.open(name, _WALK, dir_fd=below)
        finally:
            os.close(below)
    return fd


def attach(mounts: tuple[Mount, ...], fds: list[int]) -> None:
    """Inside, with the new root in place. A volume takes owner and mode of what it covers; one
    that would hide files of the image is left out, since those lie on the same disk anyway."""
    for mount, fd in zip(mounts, fds, strict=True):
        os.makedirs(mount.destination, exist_ok=True)
        covered = os.stat(mount.destination)
        if mount.source == "image":
            syscalls.move_mount(fd, mount.destination)
        elif not os.listdir(mount.destination):
            syscalls.move_mount(fd, mount.destination)
            os.chown(mount.destination, covered.st_uid, covered.st_gid)
            os.chmod(mount.destination, covered.st_mode & 0o7777)
        os.close(fd)
