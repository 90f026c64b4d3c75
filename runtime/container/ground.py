"""What a container stands on, and the upper directory that holds what it changed.

The upper directory lies on a tmpfs in the shim's mount namespace, where nobody else has it. Root reaches
it all the same: /proc/PID/root is the shim's root directory *with its mounts*. Whoever reads there
reads what a guest makes while it is read, so every step is an openat(2) that follows no link
(runtime.image.layer).

See proc_pid_root(5), overlayfs (kernel documentation).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from runtime.errors import NotFoundError
from runtime.image.layer import Ids
from runtime.image.merged import Merged
from runtime.oci import state as states
from runtime.paths import Paths

FILE = "ground.json"


@dataclass(frozen=True)
class Ground:
    """The image's name, its trees (lowest first), the host ids of the upper directory, and where it is."""

    image: str
    layers: list[Path]
    ids: Ids
    disk: Path

    @property
    def upper(self) -> Path:
        return self.disk / "upper"

    @property
    def lower(self) -> Merged:
        """The layers as one tree."""
        return Merged(self.layers)


def write(paths: Paths, identifier: str, image: str, layers: list[Path]) -> None:
    """Remember what a container was made of."""
    record = {"image": image, "layers": [str(layer) for layer in layers]}
    (paths.sandbox(identifier) / FILE).write_text(json.dumps(record))


def of(identifier: str, paths: Paths) -> Ground:
    """The ground of a living container; NotFoundError if it, or its shim, is gone."""
    state = states.read(paths.state_file(identifier))
    if not states.is_alive(state.shim_pid, state.shim_start_time, state.boot_id):
        raise NotFoundError(f"the shim of {identifier} has ended, and its disk with it")
    directory = paths.sandbox(identifier)
    record = json.loads((directory / FILE).read_text())
    disk = Path(f"/proc/{state.shim_pid}/root{directory.absolute()}/disk")
    return Ground(record["image"], [Path(layer) for layer in record["layers"]], Ids(state.uid_base), disk)
