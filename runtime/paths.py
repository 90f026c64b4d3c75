"""Where the runtime keeps things: two directories, and names inside them derived from an id.

`state` survives a reboot (images, the database); `run` does not (sockets, live sandboxes).
Every name follows from the id alone, so that cleaning up needs no memory of the creation.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runtime.errors import SpecError

DEFAULT_RUN = Path("/run/vitrine")
POOLED = "pool-"
ID_PATTERN = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def check_id(identifier: str) -> str:
    """Return the id if it may name a directory, a cgroup and a socket; raise SpecError if not."""
    if not isinstance(identifier, str) or not ID_PATTERN.fullmatch(identifier):
        raise SpecError("id", f"{identifier!r} is not 1 to 63 of a-z, 0-9 and -")
    return identifier


def is_pooled(identifier: str) -> bool:
    """Whether this names a sandbox that waits in the pool; nobody may ask for such a name."""
    return identifier.startswith(POOLED)


@dataclass(frozen=True)
class Paths:
    """The two roots, and everything named under them."""

    state: Path
    run: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Paths:
        """Read VITRINE_STATE and VITRINE_RUN; both have defaults."""
        env = os.environ if environment is None else environment
        return cls(
            Path(env.get("VITRINE_STATE", "/var/lib/vitrine")),
            Path(env.get("VITRINE_RUN", DEFAULT_RUN)),
        )

    @property
    def images(self) -> Path:
        return self.state / "images"

    @property
    def machines(self) -> Path:
        """What virtual machines are made of: a room and a disk for each image, states of those that have come up."""
        return self.state / "machines"

    @property
    def spawner_socket(self) -> Path:
        return self.run / "spawner.sock"

    @property
    def sandboxes(self) -> Path:
        return self.run / "sandboxes"

    @property
    def ranges(self) -> Path:
        """One file for each leased range of user ids, holding the id of its container."""
        return self.run / "ranges"

    @property
    def snapshots(self) -> Path:
        """Of this node's sandboxes; two nodes on one machine may share the state."""
        return self.state / "snapshots" / self.cgroup

    @property
    def cgroup(self) -> str:
        """The group that holds our containers' groups: another for each run directory, so that two
        nodes on one machine may use the same id."""
        if self.run == DEFAULT_RUN:
            return "vitrine"
        return "vitrine" + str(self.run).replace(".", "..").replace("/", ".")

    def sandbox(self, identifier: str) -> Path:
        return self.sandboxes / check_id(identifier)

    def shim_socket(self, identifier: str) -> Path:
        return self.sandbox(identifier) / "shim.sock"

    def state_file(self, identifier: str) -> Path:
        return self.sandbox(identifier) / "state.json"


class PrivatePaths(Paths):
    """A directory for one command, below the node's, whose leases it shares.

    Its name is short: the path of a socket has 107 bytes at most, and an id may have 63.
    """

    @property
    def ranges(self) -> Path:
        return self.run.parent / "ranges"
