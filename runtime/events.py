"""Events are facts in the past tense; a monitor is whoever wishes to be told.

The runtime reports and does not reach: printing, JSON or silence is the monitor's affair.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Event:
    """Something that happened to one container: `step.done`, `init.exited`, …"""

    name: str
    id: str
    data: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class Monitor(Protocol):
    """Receives every event; must not raise."""

    def tell(self, event: Event) -> None: ...


class Silence:
    """A monitor that keeps nothing."""

    def tell(self, event: Event) -> None:
        """Drop the event."""


class Recorder:
    """A monitor that keeps everything, for tests and for `run --json`."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def tell(self, event: Event) -> None:
        self.events.append(event)
