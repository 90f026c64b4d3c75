"""`observe`: the x-ray on a terminal, for a person as a few tables or for a program as JSON.

With --watch a line is printed for whatever appears, changes or goes. Names that come from the
sandbox were made fit for a terminal when they were read; see `runtime.xray.text`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import Any

from runtime.paths import Paths
from runtime.shim import watching
from runtime.shim.client import ShimClient
from runtime.xray.compare import Observation

NOISE = {"machine": {"look_us"}, "processes": {"cpu_us", "memory_bytes"}, "cgroups": {"usage", "pressure"}}
KEPT = 60  # characters of a command line


def observe(options: argparse.Namespace, paths: Paths) -> int:
    """Print one observation, or all that happens."""
    client = ShimClient(paths.shim_socket(options.id))
    if not options.watch:
        show(watching.look(client), options.json)
        return 0
    for message in watching.watch(client):
        if options.json:
            print(json.dumps(message, ensure_ascii=False), flush=True)
        elif message["type"] == "snapshot":
            show(Observation.from_dict(message["observation"]), False)
        elif message["type"] == "change":
            for line in changes(message["patch"]):
                print(line, flush=True)
    return 0


def show(observation: Observation, as_json: bool) -> None:
    """The whole document, or what a person wants first."""
    if as_json:
        print(json.dumps(observation.to_dict(), indent=1, ensure_ascii=False), flush=True)
        return
    for line in tables(observation):
        print(line, flush=True)


def tables(seen: Observation) -> Iterator[str]:
    """Processes, namespaces made inside, limits that were met, changes of the disk."""
    rows = seen.collections
    yield f"{'PID':>8} {'INSIDE':<10} {'UID':>11} {'INSIDE':>6} S  COMMAND"
    for process in sorted(rows["processes"].values(), key=lambda each: each["pid"]):
        inside = " ".join(map(str, process["pids"]))
        uids = f"{process['uids']['outside']:>11} {process['uids']['sandbox']!s:>6}"
        command = " ".join(process["args"]) or f"[{process['comm']}]"
        yield f"{process['pid']:>8} {inside:<10} {uids} {process['state']}  {command[:KEPT]}"
    for guest in rows["guest"].values():
        yield f"\ntold by the guest: kernel {guest.get('kernel')}, up {guest.get('uptime_s')} s"
    for process in sorted(rows["guest_processes"].values(), key=lambda each: each["pid"]):
        command = " ".join(process["args"]) or f"[{process['comm']}]"
        yield f"{'':>8} {process['pid']:<10} {'':>11} {process['uid']!s:>6} {process['state']}  {command[:KEPT]}"
    yield ""
    for number, space in rows["namespaces"].items():
        made = "the sandbox's own" if space["own"] else "made inside"
        yield f"{space['kind']:<8} {number}  {made}, {space['members']} processes, owner {space['owner']}"
    yield ""
    for key, group in rows["cgroups"].items():
        facts = {**group["limits"], **group["usage"], **group["events"]}
        if facts:
            yield f"{key}  " + "  ".join(f"{name}={value}" for name, value in facts.items())
    yield ""
    for path, change in rows["changes"].items():
        yield f"{change['change']:<9} {change['size_bytes']:>9}  {path}"


def changes(patch: dict[str, Any]) -> Iterator[str]:
    """A line for each thing that came, changed or went; figures that always move are left out."""
    for collection, parts in patch.items():
        for key, row in parts.get("added", {}).items():
            yield f"+ {collection} {key}  {_words(row)}"
        for key, fields in parts.get("changed", {}).items():
            if told := {name: value for name, value in fields.items() if name not in NOISE.get(collection, ())}:
                yield f"~ {collection} {key}  {_words(told)}"
        for key in parts.get("removed", ()):
            yield f"- {collection} {key}"


def _words(row: dict[str, Any]) -> str:
    """A row in one line."""
    return json.dumps(row, ensure_ascii=False)[:160]
