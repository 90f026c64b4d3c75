"""Collecting: blobs and trees that no name leads to are deleted, but nothing that is stood on.

Which trees live sandboxes stand on is the kernel's to say: each shows as the root of a mount in
the mountinfo of some process, whichever spawner made it. No record of ours could be as right. A sandbox
that is just being made holds the store's lock for reading, from the lookup to the mount.

See proc_pid_mountinfo(5), flock(2).
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from runtime.errors import VitrineError
from runtime.image.store import Store
from runtime.oci.manifest import Manifest

OLD_INDEX = "images.json"
GOING = ".building-gone"


def stood_on() -> set[str]:
    """The names of all trees that are part of some mount on this machine."""
    parts = (root.rpartition("/") for root in mounted_roots())
    return {name for parent, _, name in parts if parent.endswith("/layers")}


def mounted_roots() -> set[str]:
    """The root of every mount on this machine, as a path in its file system."""
    seen: set[int] = set()
    found: set[str] = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            namespace = os.stat(process / "ns/mnt").st_ino
            if namespace not in seen:
                seen.add(namespace)
                found |= set(_roots((process / "mountinfo").read_text(errors="surrogateescape")))
        except OSError:
            continue  # the process has ended, and its mounts with it
    return found


def _roots(mountinfo: str) -> Iterator[str]:
    """The fourth field is the mount's root within its file system."""
    for line in mountinfo.splitlines():
        yield line.split(" ", 4)[3].removesuffix("//deleted")


def named(store: Store) -> tuple[set[str], set[str]]:
    """The blobs and the trees that names lead to, as hexadecimal digits."""
    blobs: set[str] = set()
    trees: set[str] = set()
    for descriptor in store.blobs.index().manifests:
        blobs.add(descriptor.hex)
        manifest = Manifest.from_bytes(store.blobs.read(descriptor))
        blobs |= {manifest.config.hex, *(layer.hex for layer in manifest.layers)}
        trees |= {tree.name for tree in store.image(descriptor).layers}
    return blobs, trees


def collect(store: Store) -> list[str]:
    """Delete what nothing leads to, and say what it was. Waits for imports and builds that are under way."""
    with store.blobs.locked(".writers", fcntl.LOCK_EX):
        with store.blobs.locked():
            gone = _set_aside(store)
        for path in [*store.directory.glob(".building-*")]:
            shutil.rmtree(path)
    return gone


def _set_aside(store: Store) -> list[str]:
    """Under the lock only renames happen; deleting may take long."""
    try:
        blobs, trees = named(store)
    except (OSError, VitrineError) as error:
        raise VitrineError(f"nothing is deleted while a name leads nowhere: {error}") from error
    trees |= stood_on()
    aside = store.directory / GOING
    aside.mkdir(mode=0o700, exist_ok=True)
    gone = []
    for path in [*store.blobs.place.glob("*"), *store.layers.glob("*"), store.directory / OLD_INDEX]:
        kept = blobs if path.parent == store.blobs.place else trees
        if path.exists() and path.name.removesuffix(".json") not in kept:
            path.rename(aside / f"{path.parent.name}-{path.name}")
            gone.append(str(path.relative_to(store.directory)))
    return sorted(gone)
