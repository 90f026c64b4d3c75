"""`python -m tests.guest [--memory MiB] [--seconds N] -- COMMAND…`: run one command on a pure cgroup v2 guest."""

from __future__ import annotations

import argparse
import sys

from tests.guest.boot import GuestFailed, run


def main() -> int:
    """The command's own exit status; 125 when there was no guest to run it."""
    parser = argparse.ArgumentParser(prog="python -m tests.guest")
    parser.add_argument("--memory", type=int, default=2048, help="MiB of the guest")
    parser.add_argument("--seconds", type=float, default=600, help="the longest that it may take")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    try:
        return run(options.command, memory=options.memory, seconds=options.seconds)
    except (GuestFailed, OSError) as error:
        print(f"guest: {error}", file=sys.stderr)
        return 125


if __name__ == "__main__":
    sys.exit(main())
