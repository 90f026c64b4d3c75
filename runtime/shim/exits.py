"""How a process ended, as a shell would say it: a code, or 128 and the signal.

See wait(2), and PF_EXITING in the kernel's include/linux/sched.h.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

PF_EXITING = 0x4


def describe(code: int) -> dict[str, Any]:
    """An exit status (minus the signal if one ended it) as a record: code, and signal by name."""
    if code >= 0:
        return {"code": code}
    name = signal.Signals(-code).name if -code in list(signal.Signals) else str(-code)
    return {"code": 128 - code, "signal": name}


def wait(pid: int) -> int:
    """The exit code of a child that has ended; minus the signal if one ended it."""
    try:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except ChildProcessError:
        return 0


def ending(pid: int) -> bool:
    """Has the process begun to end? Init of a pid namespace then waits for all others to be reaped."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return True
    return bool(int(fields[6]) & PF_EXITING)
