"""Layers: the read-only ones of the image, and the writable one above them.

What an image's layers are called and how they came about is in the image store; how large they
are nobody has counted, so they are counted here, a slice at a time, once for the whole node: a
layer never changes, so the figure is kept in a file named after its digest. Who else stands on a
layer is a number and no name: others' sandboxes are not this learner's business.

See the image specification of the OCI ("history"), the kernel's overlayfs.rst.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime.container import ground
from runtime.errors import VitrineError
from runtime.image.store import Image, Store
from runtime.paths import is_pooled
from runtime.xray.changes import DIRECTORY, SLICE
from runtime.xray.subject import Subject
from runtime.xray.text import clean

SHARERS = 5.0  # seconds for which a count of the sandboxes on each layer holds
SHARE = 0.001  # of a processor, at the most, goes to counting them


@dataclass
class Count:
    """Bytes and files of a tree."""

    size_bytes: int = 0
    files: int = 0


@dataclass
class Layers:
    """The stack of one sandbox."""

    subject: Subject
    counts: dict[str, Count] = field(default_factory=dict)
    counting: tuple[str, Count, Iterator[None]] | None = None
    image: Image | None = None
    sharers: Counter[str] = field(default_factory=Counter)
    sharers_due: float = 0.0

    def __post_init__(self) -> None:
        with contextlib.suppress(VitrineError, OSError, ValueError):
            stacks = Store(self.subject.images).list()
            self.image = next((image for image in stacks if image.layers == self.subject.layers), None)
        for layer in self.subject.layers:
            with contextlib.suppress(OSError, ValueError, TypeError):
                self.counts[layer.name] = Count(**json.loads(self._memory(layer.name).read_text()))

    def look(self, upper_files: int, upper_bytes: int) -> dict[str, dict[str, Any]]:
        """Every layer, the lowest first."""
        self._count_sharers()
        words = history(self.image, len(self.subject.layers))
        found = {f"lower:{n}": self._lower(n, layer, words[n]) for n, layer in enumerate(self.subject.layers)}
        nothing = dict.fromkeys(("digest", "image", "created_by"))
        upper = {"kind": "upper", "order": len(found), "size_bytes": upper_bytes, "files": upper_files, "shared_by": 1}
        return {**found, "upper": {**nothing, **upper}}

    def _lower(self, order: int, layer: Path, words: str | None) -> dict[str, Any]:
        count = self.counts.get(layer.name)
        return {
            "kind": "lower", "order": order, "digest": layer.name.removeprefix("sha256:")[:12],
            "image": clean(self.image.name, 64) if self.image else None, "created_by": words,
            "size_bytes": count.size_bytes if count else None, "files": count.files if count else None,
            "shared_by": max(1, self.sharers[layer.name]),
        }  # fmt: skip

    def _count_sharers(self) -> None:
        """How many sandboxes of this node stand on each layer; not those that wait for somebody."""
        began = time.monotonic()
        if began < self.sharers_due:
            return
        self.sharers.clear()
        for name in os.listdir(self.subject.directory.parent):
            with contextlib.suppress(OSError, ValueError, KeyError):  # it is being made, or removed
                record = json.loads((self.subject.directory.parent / name / ground.FILE).read_text())
                self.sharers.update(Path(layer).name for layer in record["layers"] if not is_pooled(name))
        cost = time.monotonic() - began
        self.sharers_due = began + max(SHARERS, cost / SHARE)

    @property
    def under_way(self) -> bool:
        """Is there a layer left to count?"""
        return any(layer.name not in self.counts for layer in self.subject.layers)

    def count(self, seconds: float) -> None:
        """Count on for so long."""
        deadline = time.monotonic() + seconds
        while self.under_way and time.monotonic() < deadline:
            if self.counting is None:
                layer = next(layer for layer in self.subject.layers if layer.name not in self.counts)
                count = Count()
                self.counting = (layer.name, count, _walk(os.fspath(layer), None, count))
            name, count, walk = self.counting
            if next(walk, True) is True:
                self.counts[name], self.counting = count, None
                self._remember(name, count)

    def close(self) -> None:
        """Let go of the directories a paused count holds open."""
        if self.counting is not None:
            self.counting[2].close()  # type: ignore[attr-defined]

    def _memory(self, name: str) -> Path:
        return self.subject.directory.parent.parent / "layer-sizes" / name

    def _remember(self, name: str, count: Count) -> None:
        """For the next collector of this node; it would only have to count again."""
        path = self._memory(name)
        with contextlib.suppress(OSError):
            path.parent.mkdir(mode=0o700, exist_ok=True)
            draft = path.with_name(f".{path.name}.{os.getpid()}")
            draft.write_text(json.dumps(vars(count)))
            draft.rename(path)


def history(image: Image | None, layers: int) -> list[str | None]:
    """The instruction that made each layer, from the image's history."""
    entries = image.config.get("history") if image else None
    made = [entry for entry in entries or () if isinstance(entry, dict) and not entry.get("empty_layer")]
    words: list[str | None] = [clean(str(entry.get("created_by") or entry.get("comment") or "")) or None for entry in made]
    if image and not made and layers == 1:
        words = [clean(str(image.config.get("org.vitrine.description") or "")) or None]
    return [*words[:layers], *[None] * (layers - len(words))]


def _walk(name: str, above: int | None, count: Count) -> Iterator[None]:
    """Add up one directory and all below; gives the caller a chance to stop now and then."""
    try:
        directory = os.open(name, DIRECTORY, dir_fd=above)
    except OSError:
        return
    try:
        for entry in os.listdir(directory):
            count.files += 1
            if count.files % SLICE == 0:
                yield None
            facts = os.stat(entry, dir_fd=directory, follow_symlinks=False)
            if stat.S_ISDIR(facts.st_mode):
                yield from _walk(entry, directory, count)
            elif stat.S_ISREG(facts.st_mode):
                count.size_bytes += facts.st_size
    finally:
        os.close(directory)
