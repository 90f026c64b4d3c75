"""Container tools inside a sandbox: how long the textbook's commands take.

One sandbox of the docker image, with what a lesson gives it by default but for the processors: they
are what is left of the machine, so that the figures say what the nesting costs.
"""

from __future__ import annotations

import time

from bench.report import Series, Table
from runtime.errors import VitrineError
from runtime.shim.client import ShimClient
from runtime.spawner.client import SpawnerClient

MEBIBYTE = 1 << 20
NAME = "bench-nested"
PREPARE = (
    "mkdir -p /root/b && cd /root/b && printf 'FROM alpine\\nRUN echo 1 >/one\\nRUN echo 2 >/two\\n' >Dockerfile && "
    "docker build -q -t cached . && docker run -d --name idle alpine sleep 10000"
)
# what is measured, its script, what puts things back
COMMANDS = (
    ("run", "docker run --rm alpine true", "true"),
    ("run, no net", "docker run --rm --network none alpine true", "true"),
    ("run -d", "docker run -d --name d alpine sleep 1000", "docker rm -f -t 0 d"),
    ("exec", "docker exec idle true", "true"),
    ("ps", "docker ps", "true"),
    ("build", "cd /root/b && docker build --no-cache -q -t fresh .", "docker rmi -f fresh"),
    ("build cached", "cd /root/b && docker build -q -t cached .", "true"),
    ("pull", "docker pull -q nginx", "docker rmi nginx"),
    ("lxc-start", "lxc-start -n c1", "lxc-stop -k -n c1"),
)


def shell(shim: ShimClient, script: str) -> float:
    """Milliseconds of a script; what it says is the error if it fails."""
    started = time.perf_counter()
    result = shim.exec(["bash", "-c", script], timeout=60)
    if result.code:
        raise VitrineError(f"{script}: {result.stdout + result.stderr!r}")
    return 1000 * (time.perf_counter() - started)


def nested(client: SpawnerClient, rounds: int) -> Table:
    """Every command so many times, one after the other within a round."""
    client.create(id=NAME, image="docker", memory=512 * MEBIBYTE, cpus=4.0, pids=512)
    series = [Series(name, script) for name, script, _ in COMMANDS]
    try:
        shim = ShimClient(client.paths.shim_socket(NAME))
        shell(shim, PREPARE + " && lxc-create -n c1 -t busybox && docker pull -q nginx && docker rmi nginx")
        for _ in range(rounds):
            for one, (_, script, restore) in zip(series, COMMANDS, strict=True):
                one.values.append(shell(shim, script))
                shell(shim, restore)
    finally:
        client.delete(NAME)
    return Table("container tools inside a sandbox", "ms", series)
