"""Steps: the plan that made the sandbox, with the line of our own source that did each act.

A timing names a module and a function (`runtime.container.birth.Birth.clone`). The line is the
function's own; the file is given as the repository has it, for a reader who wants to see.
"""

from __future__ import annotations

import sys
from typing import Any

from runtime.plan import StepTiming


def describe(timings: list[StepTiming]) -> dict[str, dict[str, Any]]:
    """Every step by its place in the order of starting."""
    ordered = sorted(timings, key=lambda timing: timing.start_us)
    return {f"{number:02d}": _step(timing) for number, timing in enumerate(ordered)}


def _step(timing: StepTiming) -> dict[str, Any]:
    names = ("name", "description", "manual", "stage", "start_us", "duration_us")
    return {**{name: getattr(timing, name) for name in names}, **_place(timing.source)}


def _place(source: str) -> dict[str, Any]:
    """Function, file and line of `module.function`; what cannot be found is None."""
    parts = source.split(".")
    for length in range(len(parts) - 1, 0, -1):
        module = sys.modules.get(".".join(parts[:length]))
        if module is not None:
            file = "/".join(parts[:length]) + ".py"
            return {"function": ".".join(parts[length:]), "file": file, "line": _line(module, parts[length:])}
    return {"function": source, "file": None, "line": None}


def _line(module: object, names: list[str]) -> int | None:
    """The first line of a function."""
    found = module
    for name in names:
        found = getattr(found, name, None)
    code = getattr(found, "__code__", None)
    return code.co_firstlineno if code else None
