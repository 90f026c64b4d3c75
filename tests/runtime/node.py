"""A node for tests: a spawner of its own on a directory of its own, and sandboxes that do not stay."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runtime.errors import SpawnerUnavailable
from runtime.paths import Paths
from runtime.shim import frames
from runtime.shim.client import ShimClient
from runtime.spawner.client import SpawnerClient

UID_BASE = str(0x7400_0000)  # apart from the ranges of a site that may run on this machine


def has_linux_image() -> bool:
    """Is the image named linux in the store?"""
    index = Paths.from_environment().images / "index.json"
    return index.exists() and '"linux:latest"' in index.read_text()


needs_node = pytest.mark.skipif(os.geteuid() != 0 or not has_linux_image(), reason="needs root and the image named linux")


class Node:
    """A running spawner and its clients."""

    def __init__(self, run: Path, pool: int = 0) -> None:
        self.run = run
        own = {"VITRINE_RUN": str(run), "VITRINE_UID_BASE": UID_BASE, "VITRINE_POOL": str(pool)}
        self.environment = {**os.environ, **own}
        self.paths = Paths(Paths.from_environment().state, run)
        self.spawner = SpawnerClient(self.paths, timeout=60)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the spawner and wait until it answers."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "runtime.spawner"], env=self.environment, stdout=subprocess.DEVNULL
        )
        wait_until(self.answers)

    def answers(self) -> bool:
        try:
            return bool(self.spawner.ping())
        except SpawnerUnavailable:
            return False

    def stop(self) -> None:
        """Remove every sandbox and end the spawner."""
        assert self.process is not None
        if self.process.poll() is None:
            self.spawner.shutdown()
        self.process.wait(20)

    def shim(self, identifier: str) -> ShimClient:
        return ShimClient(self.paths.shim_socket(identifier))

    @contextmanager
    def sandbox(self, **request: object) -> Iterator[str]:
        """A sandbox for the length of a block; its id."""
        identifier = f"t-{secrets.token_hex(4)}"
        self.spawner.create(id=identifier, image="linux", **request)
        try:
            yield identifier
        finally:
            self.spawner.delete(identifier)

    def traces(self, identifier: str) -> list[str]:
        """Everything on this machine that still bears the id."""
        found = [str(path) for path in [self.paths.sandbox(identifier)] if path.exists()]
        for line in Path("/proc/self/mountinfo").read_text().splitlines():
            if identifier in line:
                found.append(line)
            elif " - cgroup" in line:
                group = Path(line.split()[4]) / self.paths.cgroup / identifier
                found += [str(group)] if group.exists() else []
        return found + [str(lease) for lease in self.paths.ranges.glob("*") if text_of(lease) == identifier]


def text_of(path: Path) -> str:
    """A file's text; of one that has just gone, none."""
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def wait_until(condition, seconds: float = 20.0) -> None:  # type: ignore[no-untyped-def]
    """Return once the condition holds; fail if it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"still waiting for {condition}"
        time.sleep(0.01)


class Terminal:
    """A viewer for tests: reads frames, remembers what it saw, acks or not."""

    def __init__(self, client: ShimClient, *, ack: bool = True, **hello: object) -> None:
        hello = {"n": 1, "since": None, "cols": 80, "rows": 24, "write": True, "flow": True, **hello}
        self.socket = client.attach(**hello)
        self.socket.settimeout(20)
        self.parser = frames.Parser()
        self.ack = ack
        self.seen = b""
        self.offset = 0
        self.controls: list[dict] = []

    def read(self) -> bool:
        """One read; False at the end."""
        data = self.socket.recv(1 << 20)
        for kind, payload in self.parser.feed(data):
            if kind == frames.OUTPUT:
                self.seen += payload
                self.offset += len(payload)
            else:
                message = frames.unpack_json(payload)
                self.controls.append(message)
                if message["type"] in ("hello", "skip"):
                    self.offset = message["offset"]
        if self.ack:
            self.send_ack()
        return bool(data)

    def send_ack(self) -> None:
        try:
            self.socket.sendall(frames.pack(frames.ACK, frames.OFFSET.pack(self.offset)))
        except OSError:
            return

    def type(self, text: str) -> None:
        self.socket.sendall(frames.pack(frames.INPUT, text.encode()))

    def resize(self, cols: int, rows: int) -> None:
        self.socket.sendall(frames.pack(frames.RESIZE, frames.SIZE.pack(cols, rows)))

    def until(self, wanted: bytes) -> bytes:
        """Read until this was seen."""
        while wanted not in self.seen:
            assert self.read(), f"closed before {wanted!r}: {self.seen[-200:]!r}"
        return self.seen

    def until_control(self, kind: str) -> dict:
        """Read until a control message of this type came."""
        while True:
            for message in self.controls:
                if message["type"] == kind:
                    return message
            assert self.read(), f"closed before {kind}: {self.controls}"

    def close(self) -> None:
        self.socket.close()


@pytest.fixture(scope="package")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A spawner for the tests of one directory: its conftest imports this name."""
    node = Node(tmp_path_factory.mktemp("node"))
    node.start()
    yield node
    node.stop()
