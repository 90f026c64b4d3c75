"""A viewer for tests: keeps the newest observation, and waits until one says what is wanted."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from runtime.shim import frames
from runtime.shim.client import ShimClient
from runtime.xray.compare import Observation

Rows = Mapping[str, Mapping[str, Any]]


class Watcher:
    """One connection to the shim's `watch`."""

    def __init__(self, client: ShimClient) -> None:
        self.client = client
        self.socket = client.connect()
        self.socket.sendall(frames.pack_json(frames.REQUEST, {"v": 1, "verb": "watch"}))
        self.parser = frames.Parser()
        self.messages: list[dict[str, Any]] = []
        self.now: Observation | None = None

    def read(self) -> bool:
        """Take what has come; False at the end."""
        data = self.socket.recv(1 << 20)
        for _, payload in self.parser.feed(data):
            self.take(frames.unpack_json(payload))
        return bool(data)

    def take(self, message: dict[str, Any]) -> None:
        """Put a message onto what is known."""
        self.messages.append(message)
        if message["type"] == "snapshot":
            self.now = Observation.from_dict(message["observation"])
        elif message["type"] == "change":
            assert self.now is not None
            self.now = self.now.after(message)

    def until(self, wanted: Callable[[Mapping[str, Rows]], Any], seconds: float = 10.0) -> Any:
        """Read until an observation has what is wanted, and return that."""
        deadline = time.monotonic() + seconds
        while True:
            if self.now is not None and (found := wanted(self.now.collections)):
                return found
            self.socket.settimeout(max(0.01, deadline - time.monotonic()))
            assert self.read(), "the observer hung up"

    def process(self, comm: str) -> Any:
        """Wait for a process of that name."""
        return self.until(lambda seen: next((p for p in seen["processes"].values() if p["comm"] == comm), None))

    def begin(self, script: str) -> None:
        """Start something in the sandbox that goes on after this returns."""
        self.client.exec(["setsid", "-f", "sh", "-c", f"exec </dev/null >/dev/null 2>&1; {script}"])

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
