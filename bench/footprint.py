"""How much memory the processes of a server take, and how much it grew while something was done."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path


def proportional_kib(pid: int) -> int:
    """The proportional set size of a process in KiB; see proc_pid_smaps(5)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


class Footprint:
    """Samples some processes on a thread; `growth` is the highest sample over the first, in MB."""

    def __init__(self, pids: list[int], every: float = 0.25) -> None:
        self.pids, self.every = pids, every
        self.first = self.highest = self.sample()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def sample(self) -> int:
        """All of them together, KiB."""
        total = 0
        for pid in self.pids:
            with contextlib.suppress(OSError):
                total += proportional_kib(pid)
        return total

    def watch(self) -> None:
        while not self.over.wait(self.every):
            self.highest = max(self.highest, self.sample())

    def growth(self) -> float:
        """Stop, and say how much it was."""
        self.over.set()
        self.thread.join()
        return (max(self.highest, self.sample()) - self.first) * 1024 / 1e6
