"""Collecting what was made for machines: rooms, disks and states that no image's name leads to any more.

A room belongs to the layers of one image, one kernel and the code of the day, and so do its states. What is
still wanted can be computed from the names in the store; what sandboxes stand on, the kernel knows.

See runtime/image/collect.py, which does the same for layers.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from runtime.errors import NotFoundError
from runtime.image.collect import mounted_roots
from runtime.image.store import Store
from runtime.paths import Paths
from runtime.vm import kernel, room, snapshots

GOING = ".gone"


def collect(paths: Paths, store: Store) -> list[str]:
    """Delete what nothing leads to, and say what it was. Machines that are being made hold the store's lock."""
    place = paths.machines
    if not place.is_dir():
        return []
    aside = place / GOING
    with room.making(paths), store.blobs.locked():
        rooms, disks = wanted(paths, store)
        rooms |= {Path(root).name for root in mounted_roots() if Path(root).parent.name == place.name}
        gone = [path for path in place.iterdir() if path.is_dir() and _is_room(path.name) and path.name not in rooms]
        gone += [path for path in (place / room.DISKS).glob("*") if path.name not in disks]
        prefixes = {name[: snapshots.PREFIX] for name in rooms}
        gone += [path for path in snapshots.place(paths).glob("*") if path.name[: snapshots.PREFIX] not in prefixes]
        aside.mkdir(mode=0o700, exist_ok=True)
        for number, path in enumerate(gone):
            path.rename(aside / f"{number}-{path.name}")
    shutil.rmtree(aside)
    return sorted(str(path.relative_to(paths.state)) for path in gone)


def wanted(paths: Paths, store: Store) -> tuple[set[str], set[str]]:
    """The names of rooms and disks of all images that have a name; none without a kernel."""
    try:
        guest = kernel.find(paths.state / "kernels")
    except NotFoundError:
        return set(), set()
    stacks = [image.layers for image in store.list()]
    return {room.key(guest, layers) for layers in stacks}, {room.disk_name(layers) for layers in stacks}


def _is_room(name: str) -> bool:
    """Finished, or left half made by somebody who was killed: whoever makes one holds the lock."""
    return len(name) == 64 or name.startswith(room.DRAFT)
