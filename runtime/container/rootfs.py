"""The root filesystem: read-only layers below, a bounded writable one above.

overlayfs shows several directories as one. The lower ones, the image's layers, are shared by
every container; what a guest changes goes to the upper one, a tmpfs with a limit on bytes and
files that vanishes with its mount namespace. The layers' files belong to host ids 0, 1, …; an
*idmapped mount* shows them as the container's own ids without copying a byte.

See overlayfs (kernel documentation), mount_setattr(2), tmpfs(5). Without the mapping, root
inside would find every file of its own system owned by "nobody".
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from runtime.linux import constants as c
from runtime.linux import syscalls

INODES_PER_MEBIBYTE = 256


def mount_disk(directory: Path, size: int, uid: int) -> None:
    """Mount the tmpfs for the upper and work directories; they belong to root inside."""
    directory.mkdir(exist_ok=True)
    inodes = max(4096, (size >> 20) * INODES_PER_MEBIBYTE)
    syscalls.mount("vitrine-disk", str(directory), "tmpfs", c.MS_NODEV, f"mode=755,size={size},nr_inodes={inodes}")
    for name in ("upper", "work"):
        os.mkdir(directory / name, 0o755)
        os.chown(directory / name, uid, uid)


def mount_layers(layers: list[Path], directory: Path, userns: int) -> list[Path]:
    """Attach each layer below `directory`, read-only and with its ids mapped; lowest first."""
    directory.mkdir(exist_ok=True)
    mounted = []
    for number, layer in enumerate(layers):
        point = directory / str(number)
        point.mkdir(exist_ok=True)
        fd = syscalls.open_tree(layer)
        try:
            syscalls.mount_setattr(fd, c.MOUNT_ATTR_RDONLY | c.MOUNT_ATTR_IDMAP | c.MOUNT_ATTR_NODEV, userns)
            syscalls.move_mount(fd, point)
        finally:
            os.close(fd)
        mounted.append(point)
    return mounted


def mount_point(path: str) -> None:
    """Inside: see to it that a directory of the image's own is there to be mounted on. A link in its place is refused:
    through /proc/1/root or /proc/1/cwd it would lead to the host's tree, which is still within reach then."""
    if os.path.islink(path):
        raise OSError(errno.ELOOP, f"the image has a link to {os.readlink(path)} in the place of a mount point", path)
    os.makedirs(path, exist_ok=True)


def make_overlay(layers: list[Path], disk: Path) -> int:
    """The overlay as a detached mount: an fd that the guest's side attaches where it likes.

    `volatile` leaves out the syncing that only a disk which outlives us would need. The paths
    are relative because the guest reads them in its /proc/mounts.
    """
    top = disk.parent
    options = {
        # overlayfs names the highest layer first
        "lowerdir": ":".join(str(layer.relative_to(top)) for layer in reversed(layers)),
        "upperdir": f"{disk.name}/upper",
        "workdir": f"{disk.name}/work",
    }
    back = os.open(".", os.O_PATH | os.O_CLOEXEC)
    os.chdir(top)
    fd = syscalls.fsopen("overlay")
    try:
        syscalls.fsconfig(fd, c.FSCONFIG_SET_STRING, "source", "vitrine-root")
        for name, value in options.items():
            syscalls.fsconfig(fd, c.FSCONFIG_SET_STRING, name, value)
        syscalls.fsconfig(fd, c.FSCONFIG_SET_FLAG, "volatile")
        syscalls.fsconfig(fd, c.FSCONFIG_CMD_CREATE)
        return syscalls.fsmount(fd, c.MOUNT_ATTR_NODEV)
    finally:
        os.close(fd)
        os.fchdir(back)
        os.close(back)
