"""Many at once: does the last sandbox come as fast as the first?

All stay alive, idle, each with a shell at its prompt. The first and the last twenty are compared by their
medians, since a single one may meet a busy moment.
"""

from __future__ import annotations

import statistics
import time

from bench.create import attach_until_prompt, request
from bench.peers import say
from bench.report import Series, Table
from runtime.shim.client import ShimClient
from runtime.spawner.client import SpawnerClient

COMPARED = 20


def born(client: SpawnerClient, number: int) -> float:
    """Milliseconds from the request to the prompt; the sandbox stays."""
    start = time.monotonic()
    client.create(**request(number, linked=False))
    attach_until_prompt(ShimClient(client.paths.shim_socket(f"bench-{number}")))
    return (time.monotonic() - start) * 1000


def scale(client: SpawnerClient, count: int) -> Table:
    """Create so many, then remove them."""
    times: list[float] = []
    try:
        for number in range(count):
            times.append(born(client, number))
    finally:
        for number in range(len(times) + 1):
            client.delete(f"bench-{number}")
    compared = min(COMPARED, count // 2)
    first, last = times[:compared], times[-compared:]
    say(f"scale: the last {compared} of {count} took {statistics.median(last) / statistics.median(first):.2f} times as long")
    return Table(
        "creation among many",
        "ms",
        [Series("first", f"first {compared}", first), Series("last", f"last {compared} of {count}", last)],
    )
