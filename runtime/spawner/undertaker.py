"""The undertaker: a fork of the spawner that sees one sandbox to its end.

Deleting waits (for processes to be killed, for cgroups to empty), and the spawner must not.
The fork asks the shim to go, insists after some seconds, and then removes by id whatever is
left. Each of its acts may be repeated, so it works as well when the shim was killed half-way
through the creation, or is long dead.

See pidfd_send_signal(2).
"""

from __future__ import annotations

import select
import shutil
import signal

from runtime.container.lifecycle import cleanup
from runtime.paths import Paths

PATIENCE = 10.0


def bury(identifier: str, paths: Paths, shim: int | None, born: str = "") -> None:
    """End the shim behind this pidfd, if there is one, and remove all that carries the id, or the name
    under which it was born in the pool."""
    if shim is not None:
        end(shim)
    for name in filter(None, (identifier, born)):
        cleanup(name, paths)
        shutil.rmtree(paths.sandbox(name), ignore_errors=True)


def end(pidfd: int) -> None:
    """Ask, wait, insist, wait."""
    for number, seconds in ((signal.SIGTERM, PATIENCE), (signal.SIGKILL, PATIENCE)):
        try:
            signal.pidfd_send_signal(pidfd, number)
        except ProcessLookupError:
            return
        if select.select([pidfd], [], [], seconds)[0]:
            return
