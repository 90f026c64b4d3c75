"""The grammar of the command line."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    Verbs: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def size(text: str) -> int:
    """Bytes, from a number with K, M or G."""
    match = re.fullmatch(r"(\d+)([KMG]?)I?B?", text.upper())
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 256M")
    return int(match[1]) * UNITS[match[2]]


def variable(text: str) -> tuple[str, str]:
    """NAME=value."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=value")
    return name, value


def build() -> argparse.ArgumentParser:
    """The parser, one sub-parser a verb."""
    parser = argparse.ArgumentParser(prog="python -m runtime", description="Make, run and take apart isolated Linux sandboxes.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    add_run(verbs)
    add_create(verbs)
    add_exec(verbs)
    add_simple(verbs)
    add_changes(verbs)
    verbs.add_parser("image", help="build, list and remove images", add_help=False)
    return parser


def add_run(verbs: Verbs) -> None:
    """run = create, then a command."""
    parser = verbs.add_parser("run", help="create a sandbox and run a command in it")
    parser.add_argument("--rm", action="store_true", help="remove the sandbox when the command ends")
    parser.add_argument("--name", help="the sandbox's id (default: a random one)")
    add_sandbox(parser)
    add_command(parser)
    parser.add_argument("--json", action="store_true", help="first print the state and the timed steps of the creation")
    parser.add_argument("image", metavar="IMAGE", help="the image's name, such as linux")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="CMD", help="the command (default: the image's)")


def add_create(verbs: Verbs) -> None:
    """create alone."""
    parser = verbs.add_parser("create", help="create a sandbox and leave it")
    add_sandbox(parser)
    parser.add_argument("id", metavar="ID", help="1 to 63 of a-z, 0-9 and -")
    parser.add_argument("image", metavar="IMAGE", help="the image's name")


def add_sandbox(parser: argparse.ArgumentParser) -> None:
    """What a sandbox may be asked to be."""
    parser.add_argument("--backend", choices=("container", "vm"), default="container", help="the kind of guest")
    parser.add_argument("--profile", choices=("nested", "strict"), default="nested", help="nested: may make containers itself")
    parser.add_argument("--memory", type=size, metavar="SIZE", help="memory (default 256M; of a vm 128M)")
    parser.add_argument("--cpus", type=float, metavar="N", help="processors (default 0.5; for a vm 1)")
    parser.add_argument("--pids", type=int, default=256, metavar="N", help="most processes (default 256)")
    parser.add_argument(
        "--disk",
        type=size,
        default=512 << 20,
        metavar="SIZE",
        help="most written (default 512M), but no more than three quarters of the memory it lies in",
    )
    nets = ("none", "lab", "internet")
    parser.add_argument("--net", choices=nets, default="none", help="lab: shared with the lab's others; internet: a way out too")
    parser.add_argument("--lab", metavar="ID", help="which lab's network")
    parser.add_argument("--lab-index", type=int, default=0, metavar="K", help="the address is 10.88.0.(K+10)")
    parser.add_argument("--hostname", default="box", metavar="NAME", help="the host name inside (default box)")
    parser.add_argument("--snapshot", metavar="ID/NAME", help="begin from a snapshot of another sandbox of the same image")


def add_command(parser: argparse.ArgumentParser) -> None:
    """How a command is run."""
    parser.add_argument("-i", "--interactive", action="store_true", help="pass standard input on")
    parser.add_argument("-t", "--tty", action="store_true", help="give the command a terminal")
    parser.add_argument("-e", "--env", action="append", type=variable, default=[], metavar="NAME=VALUE", help="set a variable")
    parser.add_argument("-u", "--user", default="root", metavar="USER", help="name or number inside (default root)")
    parser.add_argument("-w", "--workdir", metavar="DIR", help="directory to start in (default: the user's home)")


def add_exec(verbs: Verbs) -> None:
    """exec: one more process in a sandbox that is there."""
    parser = verbs.add_parser("exec", help="run a command in a sandbox that is there")
    add_command(parser)
    parser.add_argument("id", metavar="ID", help="the sandbox")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="CMD", help="the command")


def add_simple(verbs: Verbs) -> None:
    """The verbs that take an id or nothing."""
    about = {
        "start": "run the sandbox's default process",
        "pause": "freeze every process",
        "resume": "thaw them again",
        "delete": "remove a sandbox and everything of it",
        "state": "print the state, as the OCI runtime specification has it; of a vm also how it is run and came up",
    }
    for verb, text in about.items():
        verbs.add_parser(verb, help=text).add_argument("id", metavar="ID", help="the sandbox")
    observing = verbs.add_parser("observe", help="print what the host sees of a sandbox (docs/xray.md)")
    observing.add_argument("id", metavar="ID", help="the sandbox")
    observing.add_argument("--json", action="store_true", help="the whole observation, as JSON")
    observing.add_argument("--watch", action="store_true", help="go on with what changes, until interrupted")
    kill = verbs.add_parser("kill", help="signal the sandbox's init")
    kill.add_argument("id", metavar="ID", help="the sandbox")
    kill.add_argument("signal", nargs="?", default="TERM", metavar="SIGNAL", help="name or number (default TERM)")
    listing = verbs.add_parser("list", help="print every sandbox")
    listing.add_argument("--json", action="store_true", help="as JSON")
    verbs.add_parser("events", help="print what happens to sandboxes, until interrupted")
    doctor = verbs.add_parser("doctor", help="say what this host can do, and what each lack costs")
    doctor.add_argument("--json", action="store_true", help="as JSON")


def add_changes(verbs: Verbs) -> None:
    """What a sandbox has changed: look at it, keep it, go back."""
    about = {
        "diff": "list what a sandbox changed: A added, C changed, D deleted",
        "commit": "make an image of a sandbox: its own and a layer of what it changed",
        "snapshot": "keep what a sandbox has changed, to roll back to or to fork from",
        "rollback": "put a sandbox back to a snapshot; its processes end",
    }
    parsers = {verb: verbs.add_parser(verb, help=text, description=text) for verb, text in about.items()}
    for verb, one in parsers.items():
        one.add_argument("id", metavar="ID", help="the sandbox")
        if verb == "diff":
            one.add_argument("--json", action="store_true", help="as JSON")
        else:
            one.add_argument("name", metavar="NAME", help="the image's name" if verb == "commit" else "the snapshot's name")
