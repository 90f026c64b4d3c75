"""From the request to the prompt: ours and every peer's, in turns."""

from __future__ import annotations

import time

from bench.prompt import PATIENCE, NoPromptError, at_prompt, measure
from bench.report import OURS, Series, Table
from bench.runtimes import Peer
from bench.view import peers_view
from runtime.shim import frames
from runtime.shim.client import ShimClient
from runtime.spawner.client import SpawnerClient

NOTE = "8 namespaces, overlay, cgroups, seccomp, limits, veth"
UNLINKED = "the same without veth, as all the peers"
POOL = 4  # two kinds of sandbox are asked for in turn
COLD = "the same without veth and without a pool"


def request(number: int, linked: bool = True) -> dict[str, object]:
    """A sandbox as a lesson asks for it: everything on, and plugged into a lab's network if asked."""
    name = f"bench-{number}"
    limits = {"memory": 256 << 20, "cpus": 1.0, "pids": 256, "disk": 512 << 20}
    network = {"net": "lab", "lab": name, "lab_index": 0} if linked else {"net": "none"}
    return {"id": name, "image": "linux", "profile": "nested", "hostname": "box", **limits, **network}


def attach_until_prompt(shim: ShimClient) -> None:
    """Open terminal 1 and read until its prompt."""
    hello = {"n": 1, "since": None, "cols": 80, "rows": 24, "write": True, "flow": True}
    with shim.attach(**hello) as connection:
        connection.settimeout(PATIENCE)
        seen = b""
        for kind, payload in frames.receive(connection, frames.Parser()):
            seen += payload if kind == frames.OUTPUT else b""
            if at_prompt(seen):
                return
    raise NoPromptError(f"ended before its prompt: {seen[-200:]!r}")


def ours(client: SpawnerClient, number: int, linked: bool) -> float:
    """Milliseconds from the request to the prompt of our sandbox."""
    start = time.monotonic()
    client.create(**request(number, linked))
    try:
        attach_until_prompt(ShimClient(client.paths.shim_socket(f"bench-{number}")))
        return (time.monotonic() - start) * 1000
    finally:
        client.delete(f"bench-{number}")


def wait_ready(client: SpawnerClient, seconds: float = 5.0) -> None:
    """As on a quiet site, the pool is full again when the next student comes; the peers had their pause too."""
    deadline = time.monotonic() + seconds
    while client.ping()["ready"] < POOL and time.monotonic() < deadline:
        time.sleep(0.01)


def theirs(peer: Peer, series: Series, number: int, view: int | None) -> None:
    """One round of a peer; a peer that fails is reported, and not asked again."""
    if series.error:
        return
    try:
        series.values.append(measure(peer.arguments(number), view))
    except NoPromptError as error:
        series.error = str(error)
        series.values.clear()


def create(client: SpawnerClient, cold: SpawnerClient, peers: list[Peer], rounds: int) -> Table:
    """All contenders, round by round; the first round warms caches (and the pool) and is not counted."""
    mine, unlinked, unpooled = Series(OURS, NOTE), Series("  no link", UNLINKED), Series("  cold", COLD)
    others = [Series(peer.name, peer.note) for peer in peers]
    contenders = [mine, unlinked, unpooled, *others]
    with peers_view() as view:
        for number in range(rounds + 1):
            for series, spawner, linked in ((mine, client, True), (unlinked, client, False), (unpooled, cold, False)):
                wait_ready(client)
                series.values.append(ours(spawner, number, linked))
            for peer, series in zip(peers, others, strict=True):
                theirs(peer, series, number, view)
            if number == 0:
                for series in contenders:
                    series.values.clear()
    return Table("create to prompt", "ms", contenders)
