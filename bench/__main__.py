"""`python -m bench`: run the parts asked for, print the tables."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.click import click
from bench.create import POOL, create
from bench.hostile import hostile
from bench.images import images
from bench.memory import memory
from bench.nested import nested
from bench.peers import copy_rootfs, install_runtimes, say
from bench.report import Table
from bench.runtimes import available
from bench.scale import scale
from bench.spawner import private_spawner
from bench.students import students
from bench.terminal import terminal
from bench.vm import vm
from bench.xray import xray
from runtime.image.store import Store
from runtime.paths import Paths

PARTS = ("create", "memory", "scale", "images", "nested", "terminal", "click", "vm", "xray", "students", "hostile")


def parse(argv: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench", description="compare Vitrine with others, in one run")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--rounds", type=int, default=20, help="rounds of create, nested, click and vm (default 20)")
    parser.add_argument("--count", type=int, default=300, help="sandboxes alive at once in scale (default 300)")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    options = parser.parse_args(argv)
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return options


def runtime_tables(options: argparse.Namespace, parts: list[str], work: Path, paths: Paths) -> Iterator[Table]:
    """The parts that need a spawner. Memory and scale have one without a pool: what waits is not what is asked about."""
    peers, rounds = [], options.rounds
    if "create" in parts:
        install_runtimes()
        peers = available(copy_rootfs(Store(paths.images).lookup("linux").layers, work), work)
    with private_spawner(pool=POOL) as client:
        if "create" in parts:
            say(f"create: {rounds} rounds of vitrine, {', '.join(peer.name for peer in peers)}")
            with private_spawner(pool=0) as cold:
                yield create(client, cold, peers, rounds)
        if "images" in parts:
            yield images(client)
        if "nested" in parts:
            say(f"nested: {rounds} rounds of container tools in one sandbox")
            yield nested(client, rounds)
    with private_spawner(pool=0) as client:
        if "memory" in parts:
            yield memory(client, 10)
            yield memory(client, 50)
        if "scale" in parts:
            yield scale(client, options.count)
        if "xray" in parts:
            yield from xray(client, rounds)


def tables(options: argparse.Namespace) -> Iterator[Table]:
    """Every table asked for, as it is ready."""
    parts = options.parts or list(PARTS)
    paths = Paths.from_environment()
    work = paths.state / "bench"
    work.mkdir(parents=True, exist_ok=True)
    if "vm" in parts:
        say(f"vm: {options.rounds} rounds of a container, a machine that boots and one that is restored")
        with private_spawner(pool=0, snapshots=False) as booting, private_spawner(pool=0) as restoring:
            yield from vm(booting, restoring, options.rounds)
    if {"create", "memory", "scale", "images", "nested", "xray"} & set(parts):
        yield from runtime_tables(options, parts, work, paths)
    if "terminal" in parts:
        yield from terminal(work)
    if "click" in parts:
        yield click(options.rounds)
    if "hostile" in parts:
        yield hostile(options.count)
    if "students" in parts:
        yield students()


def main(argv: list[str]) -> int:
    """Run, print, and return the exit status."""
    options = parse(argv)
    if os.geteuid():
        say("the bench makes sandboxes and installs packages: run it as root (sudo script/bench)")
        return 1
    results = []
    for table in tables(options):
        results.append(table)
        if not options.json:
            print(table.text(), end="\n\n", flush=True)
    if options.json:
        json.dump([table.summary() for table in results], sys.stdout, indent=2)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
