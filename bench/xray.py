"""What the x-ray costs, and how soon it sees.

Processor time is the scheduler's own account of the observers (schedstat), as a share of one
core for each watched sandbox: idle at a prompt, and busy with a command twice a second, which
is also what makes every look find something. Echo is measured in turns in one sandbox, watched
and not. For "noticed", a program inside makes a namespace and says when; the wall clock is the
same inside and outside.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.create import attach_until_prompt, request
from bench.peers import say
from bench.report import OURS, Series, Table
from runtime.shim import frames
from runtime.shim.client import ShimClient
from runtime.shim.observer import NAME
from runtime.spawner.client import SpawnerClient

COUNTS = (1, 10, 100)
SECONDS = 8.0
BUSY = "end=$(($(date +%s) + 40)); while [ $(date +%s) -lt $end ]; do sleep 0.5; done"
UNSHARE = """import ctypes, time
time.sleep(0.3); libc = ctypes.CDLL(None)
began = time.time(); libc.unshare(0x04000000); print(began, flush=True); time.sleep(0.6)"""


class Viewer:
    """A thread that reads what the observer of one sandbox says."""

    def __init__(self, client: ShimClient) -> None:
        self.heard: list[tuple[float, dict[str, Any]]] = []
        self.connection = client.connect()
        self.connection.settimeout(None)
        self.connection.sendall(frames.pack_json(frames.REQUEST, {"v": 1, "verb": "watch"}))
        threading.Thread(target=self.read, daemon=True).start()

    def read(self) -> None:
        with contextlib.suppress(OSError):
            for _, payload in frames.receive(self.connection, frames.Parser()):
                self.heard.append((time.time(), frames.unpack_json(payload)))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.shutdown(2)
        self.connection.close()


def xray(client: SpawnerClient, rounds: int) -> Iterator[Table]:
    """Cost by number of watched sandboxes, echo, and the time until a namespace is seen."""
    for busy in (False, True):
        yield cost(client, busy)
    with sandboxes(client, 1) as shims:
        yield echo(shims[0], rounds * 20)
        yield noticed(shims[0], rounds)


@contextlib.contextmanager
def sandboxes(client: SpawnerClient, count: int) -> Iterator[list[ShimClient]]:
    """So many, each at its prompt."""
    names = [f"bench-{number}" for number in range(count)]
    made: list[str] = []
    try:
        shims = []
        for number, name in enumerate(names):
            client.create(**request(number))
            made.append(name)
            shims.append(ShimClient(client.paths.shim_socket(name), timeout=60))
            attach_until_prompt(shims[-1])
        yield shims
    finally:
        for name in made:
            client.delete(name)


def cost(client: SpawnerClient, busy: bool) -> Table:
    """Per cent of one core for each watched sandbox."""
    series = []
    for count in COUNTS:
        say(f"xray: {count} watched sandboxes, {'busy' if busy else 'idle'}")
        with sandboxes(client, count) as shims:
            if busy:
                for shim in shims:
                    shim.exec(["setsid", "-f", "sh", "-c", f"exec </dev/null >/dev/null 2>&1; {BUSY}"])
            viewers = [Viewer(shim) for shim in shims]
            time.sleep(6 if count < 50 else 12)  # the first looks, and the layer's size, are once
            series.append(Series(f"{count} watched", f"{SECONDS:.0f} s, each observer", shares(shims)))
            for viewer in viewers:
                viewer.close()
    return Table(f"cost of watching a sandbox, {'a command twice a second' if busy else 'idle'}", "% of a core", series)


def shares(shims: list[ShimClient]) -> list[float]:
    """The share of a core that each observer used in a while."""
    pids = [observer(shim) for shim in shims]
    before = [used(pid) for pid in pids]
    time.sleep(SECONDS)
    return [(used(pid) - start) / SECONDS * 100 for pid, start in zip(pids, before, strict=True)]


def observer(shim: ShimClient) -> int:
    """The pid of the process that looks at a sandbox."""
    parent = shim.state()["state"]["shim_pid"]
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return next(int(pid) for pid in children if Path(f"/proc/{pid}/comm").read_text().strip() == NAME)


def used(pid: int) -> float:
    """Seconds on a processor."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def echo(shim: ShimClient, keys: int) -> Table:
    """Milliseconds from a key to its echo, with and without somebody who watches."""
    say(f"xray: {keys} keys, watched and not")
    plain, watched = Series(OURS, "nobody watches"), Series("watched", "the same sandbox")
    hello = {"n": 2, "since": None, "cols": 80, "rows": 24, "write": True, "flow": True}
    with shim.attach(**hello) as connection:
        connection.settimeout(10)
        time.sleep(0.5)
        for _ in range(4):
            plain.values += strokes(connection, keys // 8)
            viewer = Viewer(shim)
            time.sleep(1)
            watched.values += strokes(connection, keys // 8)
            viewer.close()
            time.sleep(0.2)
    return Table("echo of a key in a watched sandbox", "ms", [plain, watched])


def strokes(connection: Any, keys: int) -> list[float]:
    """Type letters one by one, each when the last was echoed."""
    parser, found = frames.Parser(), []
    for _ in range(keys):
        start = time.monotonic()
        connection.sendall(frames.pack(frames.INPUT, b"x"))
        while not any(kind == frames.OUTPUT for kind, _ in parser.feed(connection.recv(65536))):
            pass
        found.append((time.monotonic() - start) * 1000)
        connection.sendall(frames.pack(frames.INPUT, b"\x7f"))
        while not any(kind == frames.OUTPUT for kind, _ in parser.feed(connection.recv(65536))):
            pass
        time.sleep(0.005)
    return found


def noticed(shim: ShimClient, rounds: int) -> Table:
    """Milliseconds from unshare(2) to the message that has the namespace."""
    say(f"xray: {rounds} namespaces")
    series = Series(OURS, "unshare(2) to the viewer's message")
    for _ in unevenly(rounds):
        viewer = Viewer(shim)
        while not viewer.heard:
            time.sleep(0.01)
        began = float(shim.exec(["python3", "-c", UNSHARE]).stdout)
        series.values += [(at - began) * 1000 for at, message in viewer.heard if fresh(message)][:1]
        viewer.close()
    series.note += f"; {len(series.values)} of {rounds} seen"
    return Table("a namespace is noticed", "ms", [series])


def unevenly(rounds: int) -> Iterator[int]:
    """Rounds at uneven distances, so that they do not fall into step with the looks."""
    for number in range(rounds):
        time.sleep(0.037 * (number % 7))
        yield number


def fresh(message: dict[str, Any]) -> bool:
    """Does this change bring a namespace?"""
    return bool(message.get("patch", {}).get("namespaces", {}).get("added"))
