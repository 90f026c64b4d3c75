"""Snapshots: what a sandbox has changed so far, kept as one more layer to begin from.

A snapshot is a tree like those in `layers/`, but of one sandbox's own and without a name in the index: it is
made in a moment, stood on by one or two sandboxes, and gone with the lab. A sandbox that was rolled back
stands on its image and the snapshot; the next snapshot then holds only what is new, and remembers what it
lies on.

    <snapshots>/<sandbox>/<name>/tree    unpacked in a jail, as every layer is
    <snapshots>/<sandbox>/<name>.json    the trees below it, its size, its place in the order

All snapshots of a sandbox together may be as big as its disk: more is refused, and the older stay.

See overlayfs (kernel documentation), runtime.image.layer.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runtime.errors import NotFoundError, RefusedError
from runtime.image import apply
from runtime.image.changes import of_the_runtime
from runtime.image.collect import mounted_roots
from runtime.image.layer import Ids, write_layer
from runtime.image.merged import Merged
from runtime.image.unpack import Limits
from runtime.paths import check_id

TREE = "tree"


class Snapshots:
    """Those of one node; only root reaches them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def take(self, sandbox: str, name: str, upper: Path, layers: Sequence[Path], ids: Ids, room: int) -> dict[str, Any]:
        """Keep the upper directory of a living sandbox on these layers (lowest first). `room`: bytes that all
        its snapshots may have. RefusedError if they would have more, or if one of that name is in use; else it is replaced."""
        place = self._place(sandbox)
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory.chmod(0o700)
        others = [record for record in self.records(sandbox) if record["name"] != name]
        left = room - sum(record["size"] for record in others)
        with tempfile.TemporaryDirectory(prefix=".", dir=place) as scratch:
            tar, tree = Path(scratch, "tar"), Path(scratch, TREE)
            size, entries = self._copy(upper, layers, ids, tar, tree, left)
            record = {
                "name": check_id(name),
                "below": [str(layer) for layer in layers],
                "size": size,
                "entries": entries,
                "number": 1 + max([other["number"] for other in others], default=0),
            }
            if (place / f"{name}.json").exists() and not self._remove(place, name):
                raise RefusedError("busy", None, f"something stands on the snapshot {name!r} of {sandbox}")
            (place / name).mkdir(mode=0o700)
            tree.rename(place / name / TREE)
        (place / f"{name}.json").write_text(json.dumps(record))
        return record

    def _copy(self, upper: Path, layers: Sequence[Path], ids: Ids, tar: Path, tree: Path, left: int) -> tuple[int, int]:
        """Out of the sandbox as a tar, and in a jail into a tree; bytes and entries."""
        lower = Merged(layers)
        with tar.open("wb") as out:
            summary = write_layer(upper, _Bounded(out, left), ids, None, of_the_runtime(upper, lower, ids))
        tree.mkdir(mode=0o755)
        fd = os.open(tar, os.O_RDONLY | os.O_CLOEXEC)
        try:
            report = apply.unpack("snapshot", fd, tree, Limits(bytes=max(left, 1 << 20), entries=1_000_000))
        finally:
            os.close(fd)
        apply.finish(tree, layers, report)
        return summary.size, summary.entries

    def layers(self, sandbox: str, name: str) -> list[str]:
        """The trees to begin from, lowest first; the image's are among them."""
        for record in self.records(sandbox):
            if record["name"] == name:
                return [*record["below"], str(self._place(sandbox) / name / TREE)]
        raise NotFoundError(f"no snapshot {name!r} of {sandbox}")

    def records(self, sandbox: str) -> list[dict[str, Any]]:
        """All of a sandbox, oldest first: name, below, size (bytes), entries, number."""
        found = [json.loads(path.read_text()) for path in self._place(sandbox).glob("*.json")]
        return sorted(found, key=lambda record: record["number"])

    def forget(self, sandbox: str, after: str | None = None) -> None:
        """Remove all of a sandbox, or only those younger than one. What a living sandbox stands on stays."""
        place, records = self._place(sandbox), self.records(sandbox)
        first = 0 if after is None else next((each["number"] + 1 for each in records if each["name"] == after), 1 << 62)
        for record in records[::-1]:
            if record["number"] >= first:
                self._remove(place, record["name"])
        with contextlib.suppress(OSError):
            place.rmdir()

    def sandboxes(self) -> list[str]:
        """Who has any."""
        return sorted(path.name for path in self.directory.glob("*")) if self.directory.is_dir() else []

    def _place(self, sandbox: str) -> Path:
        return self.directory / check_id(sandbox)

    def _remove(self, place: Path, name: str) -> bool:
        """False: a mount somewhere, or another snapshot, lies on it."""
        tree = place / check_id(name) / TREE
        below = {path for record in self.records(place.name) for path in record["below"]}
        if str(tree) in below or any(f"{root}/".endswith(f"{_tail(tree)}/") for root in mounted_roots()):
            return False
        (place / f"{name}.json").unlink(missing_ok=True)
        shutil.rmtree(place / name, ignore_errors=True)
        return True


def _tail(tree: Path) -> str:
    """A mount's root is told from the top of its file system, wherever that is mounted."""
    return "/" + "/".join(tree.parts[-5:])


class _Bounded:
    """A sink that takes only so much."""

    def __init__(self, out: Any, left: int) -> None:
        self.out, self.left = out, left

    def write(self, data: bytes) -> None:
        self.left -= len(data)
        if self.left < 0:
            raise RefusedError("snapshot", None, "more was written than snapshots of this sandbox may hold")
        self.out.write(data)
