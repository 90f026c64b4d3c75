"""Memory: what the processes of a sandbox take from the host, shared pages counted in parts.

A control group is charged for a page by whoever touched it first, and never for what was there before. The
*proportional* size of a process counts a page that five have mapped as a fifth for each: sums of it are
honest, and the one figure by which a container and a virtual machine can be compared.

The kernel walks the whole page table for it, so it is asked for every two seconds at most.

See proc_pid_smaps(5).
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from runtime.xray.reading import read

EVERY = 2.0
MOST = 32  # of more processes nobody asks: the answer would cost more than it tells


@dataclass
class Proportional:
    """The sum over all processes, as it was a moment ago; None if there are too many, or one may not be read."""

    value: int | None = None
    due: float = 0.0

    def look(self, pids: Iterable[int]) -> int | None:
        """The newest sum; asked again if it is time."""
        if time.monotonic() >= self.due:
            self.value = _sum(list(pids))
            self.due = time.monotonic() + EVERY
        return self.value


def _sum(pids: list[int]) -> int | None:
    if len(pids) > MOST:
        return None
    total = 0
    for pid in pids:
        try:
            text = read(f"/proc/{pid}/smaps_rollup")
        except ProcessLookupError:
            continue
        except OSError:
            return None
        total += next((int(line.split()[1]) for line in text.splitlines() if line.startswith(b"Pss:")), 0)
    return total * 1024
