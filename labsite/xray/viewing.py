"""One viewer at one machine: what she was sent, what she has drawn, and what to send next.

She acknowledges what she has drawn. With two messages unacknowledged nothing more is sent; when
she catches up, one message leads from the version she was last *sent* to the newest. A browser
on a slow line or in a hidden tab so costs a fixed amount of memory and is never shown the past.
"""

import json
from typing import Any

from labsite.labs.gateway import Observation

WINDOW = 2


class Viewing:
    """Her place in a machine's observations."""

    def __init__(self, machine: str) -> None:
        self.machine = machine
        self.sent: Observation | None = None
        self.unacked: list[int] = []

    def next(self, latest: Observation | None) -> str | None:
        """The next message, if there is anything new and she has room for it."""
        if latest is None or latest is self.sent or len(self.unacked) >= WINDOW:
            return None
        text = encode(self.machine, self.sent, latest)
        self.sent = latest
        self.unacked.append(latest.version)
        return text

    def ack(self, version: int) -> None:
        """She has drawn this version, and so all before it."""
        self.unacked = [each for each in self.unacked if each > version]

    def forget(self) -> None:
        """Begin again with a snapshot."""
        self.sent, self.unacked = None, []


def encode(machine: str, old: Observation | None, new: Observation) -> str:
    """A snapshot, or the change since what she has of the same epoch."""
    if old is None or old.epoch != new.epoch:
        return dumps({"type": "snapshot", "machine": machine, "observation": new.to_dict()})
    return dumps({**new.since(old), "machine": machine})


def dumps(message: dict[str, Any]) -> str:
    """Compact, and as text: most of it is."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))
