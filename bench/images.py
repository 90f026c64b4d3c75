"""Ten sandboxes of one image: what they add to the disk and to the page cache that the first one filled.

The layer is dropped from the page cache, then each sandbox in turn reads every file of /usr. What of the
layer is cached is asked of the kernel by fincore(1), that is mincore(2) for each file; the cache of the whole
machine (Cached less Shmem, so without the tmpfs of the upper directories) stands beside it, with what
others do meanwhile in it. Disk is the size of the state directory, in blocks.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bench.create import request
from bench.report import OURS, Series, Table
from runtime.image.store import Store
from runtime.shim.client import ShimClient
from runtime.spawner.client import SpawnerClient

MIB = 1 << 20
COUNT = 10
READ = ["sh", "-c", "find /usr -type f -exec cat {} + >/dev/null"]


def files(tree: Path) -> Iterator[Path]:
    """Every regular file of a layer."""
    for directory, _, names in os.walk(tree):
        yield from (path for name in names if (path := Path(directory, name)).is_file() and not path.is_symlink())


def drop(tree: Path) -> None:
    """Ask the kernel to forget the layer's pages."""
    os.sync()
    for path in files(tree):
        fd = os.open(path, os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def cached(tree: Path) -> float:
    """MiB of the layer in the page cache."""
    names = b"\0".join(os.fsencode(path) for path in files(tree))
    command = ["xargs", "-0", "fincore", "--noheadings", "--bytes", "--output", "RES"]
    lines = subprocess.run(command, input=names, capture_output=True, check=True).stdout.split()
    return sum(int(line) for line in lines) / MIB


def machine() -> float:
    """MiB of files in the whole machine's page cache."""
    rows = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return (int(rows["Cached"].split()[0]) - int(rows["Shmem"].split()[0])) / 1024


def disk(place: Path) -> float:
    """MiB of blocks below a directory."""
    return int(subprocess.run(["du", "-sxk", place], capture_output=True, check=True).stdout.split()[0]) / 1024


def images(client: SpawnerClient) -> Table:
    """One after the other; each row is a figure after the first sandbox and after the last."""
    image = Store(client.paths.images).lookup("linux")
    (tree,) = image.layers
    drop(tree)
    rows = []
    names = [f"bench-{number}" for number in range(COUNT)]
    base = machine()
    try:
        for number, name in enumerate(names):
            client.create(**request(number, linked=False))
            ShimClient(client.paths.shim_socket(name)).exec(READ, timeout=60)
            rows.append((cached(tree), machine() - base, disk(client.paths.images) + disk(client.paths.sandboxes)))
    finally:
        for name in names:
            client.delete(name)
    words = ("page cache of the layer", "page cache of the machine, grown by", "disk of the images and sandboxes")
    series = [
        Series(f"{count} sandbox{'es' * (count > 1)}", word, [rows[count - 1][n]])
        for n, word in enumerate(words)
        for count in (1, COUNT)
    ]
    return Table(f"{OURS}: {COUNT} sandboxes of one image of {sum(blob.size for blob in image.blobs) >> 20} MiB", "MiB", series)
