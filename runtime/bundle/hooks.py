"""Programs that the bundle wants run at moments of the container's life; the state comes on their input.

See config.md "POSIX-platform Hooks".
"""

from __future__ import annotations

import json
import subprocess
from typing import Any

from runtime.errors import VitrineError

Json = dict[str, Any]


def run(entries: list[Json], state: Json) -> None:
    """One after the other; the first that fails is the failure of what was going on."""
    for hook in entries:
        env = dict(line.split("=", 1) for line in hook.get("env") or [])
        args = hook.get("args") or [hook["path"]]
        try:
            ended = subprocess.run(args, executable=hook["path"], env=env, input=json.dumps(state).encode(), capture_output=True,
                                   timeout=hook.get("timeout"))  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise VitrineError(f"hook {hook['path']}: {error}") from error
        if ended.returncode:
            raise VitrineError(
                f"hook {hook['path']}: exit status {ended.returncode}: {ended.stderr.decode(errors='replace')[-500:]}"
            )


def try_all(entries: list[Json], state: Json) -> list[str]:
    """Those that run when nothing can be stopped any more: what failed, as words for the log."""
    failed = []
    for hook in entries:
        try:
            run([hook], state)
        except VitrineError as error:
            failed.append(str(error))
    return failed
