"""A machine's state into a file, and out of it: what QEMU calls migration, with a file in the middle.

A guest that has just come up is stopped for a moment, written out (memory that was never touched takes no
room) and goes on. Later machines of the same kind begin with that state: no kernel starts, no file system
is mounted, and what is each machine's own is told to it afterwards, as to one that has booted.

See docs/devel/migration.rst of QEMU.
"""

from __future__ import annotations

import time

from runtime.vm.monitor import PATIENCE, Monitor

UNLIMITED = 1 << 40  # bytes a second; by default QEMU spares a network that is not there
NAME = "state"


def save(monitor: Monitor, fd: int) -> None:
    """Write the machine's state; it stands still meanwhile. VitrineError with QEMU's words if it cannot."""
    monitor.ask("stop")
    try:
        monitor.ask("migrate-set-parameters", **{"max-bandwidth": UNLIMITED})
        _prepare(monitor, fd)
        monitor.ask("migrate", uri=f"fd:{NAME}")
        monitor.migrated()
    finally:
        _go_on(monitor)


def restore(monitor: Monitor, fd: int) -> None:
    """Fill a machine that was started for it, and let it run."""
    _prepare(monitor, fd)
    monitor.ask("migrate-incoming", uri=f"fd:{NAME}")
    monitor.migrated()
    monitor.ask("cont")


def _go_on(monitor: Monitor) -> None:
    """QEMU says that the state has passed a moment before it lets the machine run again."""
    until = time.monotonic() + PATIENCE
    while monitor.ask("query-status")["status"] == "finish-migrate" and time.monotonic() < until:
        time.sleep(0.002)
    monitor.ask("cont")


def _prepare(monitor: Monitor, fd: int) -> None:
    monitor.ask("migrate-set-capabilities", capabilities=[{"capability": "events", "state": True}])
    monitor.give(NAME, fd)
