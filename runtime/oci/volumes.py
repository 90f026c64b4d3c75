"""Volumes: directories that a container has beside its root overlay, as an image asks for them.

Changes below a volume go straight to the container's disk. Container tools need that: overlayfs
refuses an overlay as the upper layer of another, so podman inside could only copy whole images.

`Volumes` is a key of the OCI image configuration; in config.json they are `mounts` whose source
is "disk". The image may be anyone's, so a place is checked as a stranger's word.

See config.md of the OCI image and runtime specifications.
"""

from __future__ import annotations

from collections.abc import Mapping
from posixpath import normpath
from typing import Any

from runtime.errors import SpecError

SOURCE = "disk"
MOST = 16
OURS = ("/proc", "/sys", "/dev", "/run", "/etc")  # what the runtime itself mounts or writes


def check(volumes: tuple[str, ...]) -> None:
    """Refuse a path that is not plain, that would cover what the runtime makes, and too many."""
    for path in volumes:
        if not path.startswith("/") or path.startswith("//") or path != normpath(path) or "\0" in path:
            raise SpecError("mounts.destination", f"{path!r} is not a plain absolute path")
        if path == "/" or any(f"{path}/".startswith(f"{place}/") for place in OURS):
            raise SpecError("mounts.destination", f"{path} is the runtime's own")
    if len(set(volumes)) != len(volumes) or len(volumes) > MOST:
        raise SpecError("mounts", f"name a place twice, or are more than {MOST}")


def to_dicts(volumes: tuple[str, ...]) -> list[dict[str, Any]]:
    """The `mounts` of a config.json."""
    return [{"destination": path, "type": "bind", "source": SOURCE, "options": ["bind", "nodev", "rw"]} for path in volumes]


def from_dicts(entries: list[dict[str, Any]]) -> tuple[str, ...]:
    """And back; a mount from anywhere else is refused, for there is none."""
    for entry in entries:
        if entry["source"] != SOURCE:
            raise SpecError("mounts.source", f"{entry['source']!r} is not {SOURCE!r}")
    return tuple(entry["destination"] for entry in entries)


def of_image(config: Mapping[str, Any]) -> tuple[str, ...]:
    """What an image's `config` asks for; a place comes before what lies below it."""
    return tuple(sorted({normpath(path) for path in config.get("Volumes") or {}}))
