"""The image store: layers by digest, names in one file.

    <images>/images.json             name → layers, lowest first, and the image's configuration
    <images>/layers/<digest>/        one unpacked tree, never written to after it got its name

A layer is shared by every sandbox through an overlay's lowerdir, so a change to it would be
seen in all of them: a new tree always gets a new name. `images.json` is replaced by rename(2),
so a reader sees the old list or the new one; writers take turns by flock(2).

Without a store of its own the image would share inodes with the host's root, and a bug that
writes the page cache would reach the host's programs. See overlayfs in the kernel's manual.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from runtime.errors import NotFoundError
from runtime.image.tree import tree_digest

ImageConfig = dict[str, Any]


@dataclass(frozen=True)
class Image:
    """A name, the trees it stands for (lowest first) and how to run it."""

    name: str
    layers: list[Path]
    config: ImageConfig = field(default_factory=dict)
    recipe: str = ""


@dataclass(frozen=True)
class _Record:
    """A line of images.json. `recipe` names what the image was built from."""

    layers: list[str]
    config: ImageConfig
    recipe: str = ""


class Store:
    """The images of one node. Reading needs no right but to read; writing needs root."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.layers = directory / "layers"
        self._index = directory / "images.json"

    def lookup(self, name: str) -> Image:
        """The image of this name, or NotFoundError that says how to get it."""
        record = self._read().get(name)
        if record is None:
            raise NotFoundError(f"no image {name!r} in {self.directory}; see `image list`")
        return self._image(name, record)

    def list(self) -> Sequence[Image]:
        return [self._image(name, record) for name, record in sorted(self._read().items())]

    def add_directory(self, name: str, source: Path, config: ImageConfig, recipe: str = "") -> Image:
        """Take the tree over (it is moved, so it must be on the store's file system) and name it."""
        digest = tree_digest(source)
        with self._locked():
            layer = self.layers / digest
            if layer.exists():
                shutil.rmtree(source)
            else:
                self.layers.mkdir(parents=True, exist_ok=True)
                source.chmod(0o755)
                source.rename(layer)
            self._write({**self._read(), name: _Record([digest], config, recipe)})
        return self.lookup(name)

    def remove(self, name: str) -> None:
        """Forget a name. Its layers stay until `collect`: sandboxes may stand on them."""
        with self._locked():
            records = self._read()
            if records.pop(name, None) is None:
                raise NotFoundError(f"no image {name!r} in {self.directory}")
            self._write(records)

    def collect(self) -> Sequence[str]:
        """Delete the layers that no name leads to, and say which."""
        with self._locked():
            used = {layer for record in self._read().values() for layer in record.layers}
            present = {path.name for path in self.layers.glob("*")}
            for name in present - used:
                shutil.rmtree(self.layers / name)
        return sorted(present - used)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """A directory on the store's file system for a tree in the making; gone afterwards."""
        self.directory.mkdir(parents=True, exist_ok=True)
        path = Path(tempfile.mkdtemp(prefix=".building-", dir=self.directory))
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def _image(self, name: str, record: _Record) -> Image:
        layers = [self.layers / digest for digest in record.layers]
        return Image(name, layers, record.config, record.recipe)

    def _read(self) -> dict[str, _Record]:
        try:
            text = self._index.read_text()
        except FileNotFoundError:
            return {}
        return {name: _Record(**record) for name, record in json.loads(text).items()}

    def _write(self, records: dict[str, _Record]) -> None:
        text = json.dumps({name: asdict(record) for name, record in records.items()}, indent=2)
        new = self._index.with_suffix(".new")
        with new.open("w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        new.rename(self._index)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
