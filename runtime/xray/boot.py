"""The phases of a virtual machine's start, told as steps like those of a container's making.

Its supervisor measures when each phase was over, in milliseconds since the request; here each becomes a
bar that begins where the one before it ended. What happens behind QEMU has the stage `inside`.

See boot(7), bootparam(7).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# what it is, manual page, stage, and the function of our own that does it
PHASES = {
    "supervisor": (
        "start the program that looks after the machine", "execve(2)", "host", "runtime/vm/supervisor.py", "main", ""),
    "qemu": ("QEMU puts the machine together", "qemu-system-x86_64(1)", "host", "runtime/vm/qemu.py", "argv", ""),
    "kernel": ("QEMU jumps into the guest’s kernel", "boot(7)", "host", "runtime/vm/qemu.py", "_start", ""),
    "init": (
        "the guest’s kernel finds its devices and starts process 1", "bootparam(7)", "inside",
        "runtime/vm/initrd.py", "build", ""),
    "restored": (
        "take up the state of a machine that was stopped", "mmap(2)", "host", "runtime/vm/qemu.py", "_memory", ""),
    "ready": (
        "mount the image’s layers, start the agent, give it what is its own", "switch_root(8)", "inside",
        "runtime/vm/machine.py", "welcome", "Running"),
    "saved": (
        "stop the machine, keep its state for those who come after, let it go on", "mmap(2)", "host",
        "runtime/vm/machine.py", "save", "Running"),
    "prompt": ("a shell on the console writes its prompt", "tty(4)", "inside", "runtime/vm/machine.py", "shell", "Running"),
}  # fmt: skip


def timings(machine: Mapping[str, Any], made: int = 0) -> list[dict[str, Any]]:
    """The phases known so far, in the order of time, as steps of a plan. `made`: when its container was, in µs."""
    found = []
    begun = made
    phases = {name: round(ms * 1000) for name, ms in machine.get("phases", {}).items()}
    for name, over in sorted(phases.items(), key=lambda phase: phase[1]):
        description, manual, stage, file, function, owner = PHASES.get(name, (name, None, "inside", None, "", ""))
        found.append({
            "name": f"machine-{name}", "description": description, "manual": manual, "stage": stage,
            "start_us": begun, "duration_us": max(0, over - begun), "ahead": False,
            "function": f"{owner}.{function}".lstrip("."), "file": file, "line": _line(file, function) if file else None,
        })  # fmt: skip
        begun = over
    return found


@lru_cache
def _line(file: str, function: str) -> int | None:
    """Where a function begins, without importing what this process does not need."""
    lines = (ROOT / file).read_text().splitlines()
    return next((number for number, line in enumerate(lines, 1) if re.match(rf"\s*def {function}\b", line)), None)
