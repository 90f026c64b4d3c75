"""The command line of an OCI runtime, as podman, conmon and containerd speak it.

    runtime-bundle [--root DIR] [--log FILE] [--log-format text|json] VERB …

Words of other runtimes that change nothing here are taken and left (`--no-pivot`, `--systemd-cgroup` is
refused: it asks for another manager of control groups). Errors are one line on standard error and in the
log; the exit status is 1, or the program's own for `run` and `exec`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from runtime.bundle import config, entry, verbs
from runtime.bundle.birth import Birth, Order
from runtime.bundle.groups import Groups
from runtime.bundle.records import Records
from runtime.errors import RefusedError, VitrineError
from runtime.oci.state import OCI_VERSION

DEFAULT_ROOT = "/run/vitrine-bundles"


def parser() -> argparse.ArgumentParser:
    """The grammar; docs/bundle.md names what engines use of it."""
    top = argparse.ArgumentParser(prog="runtime-bundle", description="Run OCI bundles as an engine asks.")
    top.add_argument("--root", type=Path, default=Path(DEFAULT_ROOT), help="where containers are remembered")
    top.add_argument("--log", type=Path, help="where errors are written as well")
    top.add_argument("--log-format", choices=("text", "json"), default="text")
    top.add_argument("--log-level", default="error", help=argparse.SUPPRESS)
    top.add_argument("--debug", action="store_true", help=argparse.SUPPRESS)
    top.add_argument("--systemd-cgroup", action="store_true", help=argparse.SUPPRESS)
    top.add_argument("--cgroup-manager", choices=("cgroupfs",), default="cgroupfs", help=argparse.SUPPRESS)
    top.add_argument("--version", "-v", action="version", version=f"vitrine-bundle\nspec: {OCI_VERSION}")
    words = top.add_subparsers(dest="verb", required=True)
    for name in ("create", "run"):
        one = words.add_parser(name)
        one.add_argument("--bundle", "-b", type=Path, default=Path("."))
        one.add_argument("--console-socket", default="")
        one.add_argument("--pid-file", default="")
        one.add_argument("--preserve-fds", type=int, default=0)
        one.add_argument("--no-pivot", action="store_true", help=argparse.SUPPRESS)
        one.add_argument("--no-new-keyring", action="store_true", help=argparse.SUPPRESS)
        one.add_argument("--detach", "-d", action="store_true", help=argparse.SUPPRESS)
        one.add_argument("id")
    for name in ("start", "state", "pause", "resume"):
        words.add_parser(name).add_argument("id")
    _add_others(words)
    return top


def _add_others(words: Any) -> None:
    kill = words.add_parser("kill")
    kill.add_argument("--all", "-a", action="store_true")
    kill.add_argument("id")
    kill.add_argument("signal", nargs="?", default="TERM")
    delete = words.add_parser("delete")
    delete.add_argument("--force", "-f", action="store_true")
    delete.add_argument("id")
    visit = words.add_parser("exec")
    visit.add_argument("--process", "-p", type=Path)
    visit.add_argument("--console-socket", default="")
    visit.add_argument("--pid-file", default="")
    visit.add_argument("--detach", "-d", action="store_true")
    visit.add_argument("--tty", "-t", action="store_true")
    visit.add_argument("--preserve-fds", type=int, default=0, help=argparse.SUPPRESS)
    visit.add_argument("--cwd", default="")
    visit.add_argument("--env", "-e", action="append", default=[])
    visit.add_argument("id")
    visit.add_argument("command", nargs=argparse.REMAINDER)
    listing = words.add_parser("list")
    listing.add_argument("--format", "-f", choices=("table", "json"), default="table")
    listing.add_argument("--quiet", "-q", action="store_true")
    processes = words.add_parser("ps")
    processes.add_argument("--format", "-f", choices=("table", "json"), default="table")
    processes.add_argument("id")
    words.add_parser("features")


def main(argv: list[str]) -> int:
    """Run one verb; see the module's docstring for the exit status."""
    options = parser().parse_args(argv)
    try:
        if options.systemd_cgroup:
            raise RefusedError("cgroups", None, "systemd manages no groups here: choose the cgroupfs manager")
        return _run(options, Records(options.root))
    except (OSError, VitrineError) as error:
        _tell(options, str(error))
        return 1


def _run(options: argparse.Namespace, records: Records) -> int:
    verb = options.verb
    if verb in ("create", "run"):
        return _create(options, records)
    if verb == "exec":
        return _exec(options, records)
    acts = {
        "start": lambda: verbs.start(records, options.id),
        "state": lambda: print(json.dumps(records.state(records.read(options.id)), indent=2)),
        "kill": lambda: verbs.kill(records, options.id, verbs.signal_number(options.signal), everyone=options.all),
        "delete": lambda: verbs.delete(records, options.id, force=options.force),
        "pause": lambda: verbs.pause(records, options.id, True),
        "resume": lambda: verbs.pause(records, options.id, False),
        "list": lambda: _list(options, records),
        "ps": lambda: _ps(options, records),
        "features": lambda: print(json.dumps(verbs.FEATURES, indent=2)),
    }
    acts[verb]()
    return 0


def _create(options: argparse.Namespace, records: Records) -> int:
    bundle = config.read(options.bundle.resolve())
    order = Order(options.id, bundle, options.console_socket, options.pid_file, options.preserve_fds)
    record = Birth(order, records).run()
    if options.verb == "create":
        return 0
    verbs.start(records, options.id)
    status = os.waitstatus_to_exitcode(os.waitpid(record.pid, 0)[1])
    verbs.delete(records, options.id, force=True)
    return 128 - status if status < 0 else status


def _exec(options: argparse.Namespace, records: Records) -> int:
    record = records.read(options.id)
    status = records.status(record)
    if status == "stopped":
        raise verbs.refuse(record, "exec in", status)
    bundle = verbs.bundle_of(record)
    if options.process:
        process = config.check_process(json.loads(options.process.read_text()))
    else:
        base = dict(bundle.process)
        base |= {"args": options.command, "terminal": options.tty, "env": [*(base.get("env") or []), *options.env]}
        process = config.check_process(base | ({"cwd": options.cwd} if options.cwd else {}))
    code = entry.enter(entry.Visit(process, options.console_socket, options.pid_file, options.detach), bundle, record)
    return 128 - code if code < 0 else code


def _list(options: argparse.Namespace, records: Records) -> None:
    states = [records.state(record) for record in records.list()]
    if options.quiet:
        print("\n".join(state["id"] for state in states))
    elif options.format == "json":
        print(json.dumps(states))
    else:
        for state in states:
            print(f"{state['id']:<40} {state.get('pid', 0):<8} {state['status']:<10} {state['bundle']}")


def _ps(options: argparse.Namespace, records: Records) -> None:
    pids = Groups(records.read(options.id).cgroups).processes()
    print(json.dumps(pids) if options.format == "json" else "\n".join(map(str, pids)))


def _tell(options: argparse.Namespace, words: str) -> None:
    print(words, file=sys.stderr)
    if options.log:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        line = json.dumps({"msg": words, "level": "error", "time": now}) if options.log_format == "json" else words
        with options.log.open("a") as log:
            log.write(line + "\n")
