"""Images, as the spawner looks them up: once, and again when the store's index has changed.

Reading and verifying an image's documents takes two milliseconds, and one and a half mebibytes
that a shim would keep for life. So the spawner does it, and tells the shim what came out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runtime.image.store import Store


class Images:
    """Names of images, resolved to trees and a configuration."""

    def __init__(self, directory: Path) -> None:
        self.store = Store(directory)
        self.stamp: tuple[int, int] | None = None
        self.known: dict[str, dict[str, Any]] = {}

    def changed(self) -> bool:
        """Whether the store is another than at the last look; what was known is then forgotten."""
        try:
            status = (self.store.directory / "index.json").stat()
        except FileNotFoundError:
            stamp = None
        else:
            stamp = (status.st_ino, status.st_mtime_ns)
        if stamp is not None and stamp == self.stamp:
            return False
        self.stamp = stamp
        self.known.clear()
        return True

    def resolve(self, name: str) -> dict[str, Any]:
        """Its name, the layers' trees, lowest first, and the image's `config`; NotFoundError if there is none."""
        if name not in self.known:
            image = self.store.lookup(name)
            layers = [str(path) for path in image.layers]
            self.known[name] = {"name": image.name, "layers": layers, "config": image.config.get("config", {})}
        return self.known[name]
