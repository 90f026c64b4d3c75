"""A node whose terminals and x-ray say what a test says, and a state directory that goes with the test."""

import asyncio

import pytest

from labsite.labs import gateway
from labsite.recordings.models import Recording
from labsite.recordings.recorder import RECORDERS
from labsite.xray.feeds import FEEDS
from tests.labsite.xray.test_socket import Shim


class Attached:
    """What `gateway.open_terminal` gives: one attachment to one terminal."""

    def __init__(self, hello, on_bytes, on_control, on_closed):
        self.hello, self.output, self.control, self.closed = hello, on_bytes, on_control, on_closed
        self.acked, self.left = 0, False

    def ack(self, offset):
        self.acked = offset

    def close(self):
        self.left = True


class Pty:
    """Stands for a shim's terminal: keeps everything that was printed, as the ring does."""

    def __init__(self) -> None:
        self.kept, self.tail = b"", 0
        self.viewers: list[Attached] = []

    async def open(self, runtime_id, hello, on_bytes, on_control, on_closed):
        viewer = Attached(hello, on_bytes, on_control, on_closed)
        since = hello["since"]
        start = since if since is not None and self.tail <= since <= len(self.kept) else self.tail
        on_control({"type": "hello", "offset": start, "head": len(self.kept), "cols": 80, "rows": 24, "viewers": 1})
        if start < len(self.kept):
            on_bytes(self.kept[start:])
        self.viewers.append(viewer)
        return viewer

    def print(self, data: bytes) -> None:
        self.kept += data
        for viewer in self.viewers:
            viewer.output(data)


@pytest.fixture(autouse=True)
def state(settings, tmp_path):
    """Recordings of a test stay in its directory."""
    settings.STATE_DIR = tmp_path
    return tmp_path


@pytest.fixture
def pty(monkeypatch):
    """A terminal that prints what it is told to."""
    pty, shim = Pty(), Shim()
    monkeypatch.setattr(gateway, "open_terminal", pty.open)
    monkeypatch.setattr(gateway, "watch", shim.watch)
    monkeypatch.setattr("labsite.recordings.recorder.FLUSH", 0.02)
    monkeypatch.setattr("labsite.recordings.sight.EVERY", 0.02)
    pty.shim = shim
    yield pty
    FEEDS.feeds.clear()
    RECORDERS.clear()


@pytest.fixture
def recording(lab, learner):
    """A recording of Lena's that is under way."""
    return Recording.objects.create(user=learner, lab=lab, lesson=lab.lesson, terminals=["box/1"])


async def until(condition) -> None:
    """Wait for what other tasks do."""
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("never happened")
