"""`python -m runtime.spawner`: be this node's spawner, in the foreground."""

from __future__ import annotations

import argparse
import os
import resource
import signal
import sys

from runtime.errors import VitrineError
from runtime.linux import syscalls
from runtime.linux.constants import PR_SET_PDEATHSIG
from runtime.paths import Paths
from runtime.spawner.server import Spawner


def main() -> int:
    """Start, or say why not."""
    parser = argparse.ArgumentParser(prog="python -m runtime.spawner", description=__doc__)
    parser.add_argument("--foreground", action="store_true", help="the default; kept for clarity in unit files")
    parser.add_argument("--ephemeral", action="store_true", help="on SIGINT or SIGTERM, remove every sandbox first")
    parser.add_argument("--die-with-parent", action="store_true", help="end with whoever started it, killed or not")
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("the spawner makes namespaces, cgroups and mounts for others: it has to be root", file=sys.stderr)
        return 1
    if options.die_with_parent:
        syscalls.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        spawner = Spawner(Paths.from_environment(), ephemeral=options.ephemeral)
    except (VitrineError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"spawner: listening at {spawner.paths.spawner_socket}", flush=True)
    spawner.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
