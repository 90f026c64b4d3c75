"""The verbs that ask one question or give one order."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from runtime.backend import backend
from runtime.cli import changing, observing, running
from runtime.errors import RefusedError
from runtime.oci.spec import BACKEND
from runtime.paths import Paths
from runtime.shim.client import ShimClient
from runtime.spawner.client import SpawnerClient

Options = argparse.Namespace


def perform(options: Options) -> int:
    """Dispatch by verb."""
    paths = Paths.from_environment()
    special: dict[str, Callable[[Options, Paths], int]] = {
        "run": running.run, "exec": execute, "create": create, "list": listing, "kill": kill, "state": state,
        "events": events, "observe": observing.observe, "doctor": doctor,
        "diff": changing.diff, "commit": changing.commit, "snapshot": changing.snapshot, "rollback": changing.rollback,
    }  # fmt: skip
    if options.verb in special:
        return special[options.verb](options, paths)
    return simple(options, paths)


def show(record: Any) -> None:
    """Print JSON for people and programs alike."""
    print(json.dumps(record, indent=2))


def execute(options: Options, paths: Paths) -> int:
    """exec: the command has to be said."""
    if not options.command:
        raise RefusedError("request", None, "which command?")
    return running.execute(options, paths, options.id)


def create(options: Options, paths: Paths) -> int:
    """create: print the state."""
    request = running.sandbox_request(options, options.id)
    show(backend(options.backend, paths).create(**request)["state"])
    return 0


def simple(options: Options, paths: Paths) -> int:
    """start, pause, resume, delete."""
    getattr(SpawnerClient(paths), options.verb)(options.id)
    return 0


def state(options: Options, paths: Paths) -> int:
    """state: the record; of a virtual machine that can still be asked, how it is run and how it came up."""
    record = SpawnerClient(paths).state(options.id)
    if record["annotations"].get(BACKEND) == "vm" and paths.shim_socket(options.id).exists():
        record["machine"] = ShimClient(paths.shim_socket(options.id)).state()["machine"]
    show(record)
    return 0


def kill(options: Options, paths: Paths) -> int:
    """kill: by name or number."""
    SpawnerClient(paths).kill(options.id, signal_number(options.signal))
    return 0


def signal_number(text: str) -> int:
    """TERM, SIGTERM or 15."""
    if text.isdecimal():
        return int(text)
    name = text.upper() if text.upper().startswith("SIG") else f"SIG{text.upper()}"
    try:
        return int(signal.Signals[name])
    except KeyError:
        raise RefusedError("request", None, f"{text!r} is no signal") from None


def listing(options: Options, paths: Paths) -> int:
    """list: a line a sandbox."""
    states = SpawnerClient(paths).list()
    if options.json:
        show(states)
        return 0
    print(f"{'ID':<32} {'STATUS':<9} {'PID':>8}")
    for state in states:
        print(f"{state['id']:<32} {state['status']:<9} {state['pid']:>8}")
    return 0


def events(options: Options, paths: Paths) -> int:
    """events: look twice a second, and print each change as a line of JSON."""
    client = SpawnerClient(paths)
    known: dict[str, str] = {}
    while True:
        now = {state["id"]: state["status"] for state in client.list()}
        for identifier in known.keys() - now.keys():
            print(json.dumps({"id": identifier, "event": "deleted"}), flush=True)
        for identifier, status in now.items():
            if known.get(identifier) != status:
                print(json.dumps({"id": identifier, "event": status}), flush=True)
        known = now
        time.sleep(0.5)


def doctor(options: Options, paths: Paths) -> int:
    """doctor: 0 if everything a sandbox needs is there."""
    from runtime.container.doctor import examine

    findings = examine()
    if options.json:
        show([vars(finding) for finding in findings])
    else:
        for finding in findings:
            mark = "ok  " if finding.ok else "LACK"
            cost = "" if finding.ok else f"\n       {finding.cost}"
            print(f"{mark} {finding.name}: {finding.detail}{cost}")
    sys.stdout.flush()
    return 0 if all(finding.ok for finding in findings if finding.name != "kvm") else 1
