"""Mounts of a spec: what a container sees beside its root, as OCI's `mounts` say it.

Two kinds, told apart by `source`. "disk" is a directory of the container's own writable disk:
an image asks for it with `Volumes`. "image" is a directory of the image itself, read-only and
shared by all containers: an image asks for it with the label `org.vitrine.read-only`.

Both lie *beside* the root overlay, and that is the point: overlayfs refuses an overlay as its
upper layer and stacks at most two deep, so container tools inside need a plain place to write
and a plain place to read their images from.

See config.md of the OCI runtime and image specifications. The image may be anyone's, so a
destination is checked as a stranger's word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from posixpath import normpath
from typing import Any

from runtime.errors import SpecError

SOURCES = ("disk", "image")
LABEL = "org.vitrine.read-only"
MOST = 16
OURS = ("/", "/proc", "/sys", "/dev", "/run", "/etc")  # what the runtime itself mounts or writes


@dataclass(frozen=True)
class Mount:
    """`destination` is an absolute path inside; `source` is one of SOURCES."""

    destination: str
    source: str

    def validate(self) -> None:
        """Refuse a path that is not plain, or that would cover what the runtime makes."""
        path = self.destination
        if self.source not in SOURCES:
            raise SpecError("mounts.source", f"{self.source!r} is not one of {', '.join(SOURCES)}")
        if not path.startswith("/") or path != normpath(path) or "\0" in path or path.startswith("//"):
            raise SpecError("mounts.destination", f"{path!r} is not a plain absolute path")
        if any(path == place or (place != "/" and path.startswith(place + "/")) for place in OURS):
            raise SpecError("mounts.destination", f"{path} is mounted by the runtime")

    def to_dict(self) -> dict[str, Any]:
        options = ["rbind", "nodev", "rw" if self.source == "disk" else "ro"]
        return {"destination": self.destination, "type": "bind", "source": self.source, "options": options}


def check(mounts: tuple[Mount, ...]) -> None:
    """Each is sound, no two are at one place, and there are not too many."""
    for mount in mounts:
        mount.validate()
    places = {mount.destination for mount in mounts}
    if len(places) != len(mounts):
        raise SpecError("mounts.destination", "names a place twice")
    if len(mounts) > MOST:
        raise SpecError("mounts", f"are more than {MOST}")


def from_dicts(entries: list[dict[str, Any]]) -> tuple[Mount, ...]:
    """The `mounts` of a config.json."""
    return tuple(Mount(entry["destination"], entry["source"]) for entry in entries)


def of_image(config: Mapping[str, Any]) -> tuple[Mount, ...]:
    """The mounts that an image's `config` asks for; a place comes before what lies below it."""
    volumes = [Mount(normpath(path), "disk") for path in config.get("Volumes") or {}]
    label = (config.get("Labels") or {}).get(LABEL, "")
    return tuple(sorted([*volumes, *(Mount(path, "image") for path in label.split())], key=lambda mount: mount.destination))
