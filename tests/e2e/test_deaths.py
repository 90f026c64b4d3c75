"""What a learner sees while a server dies: nothing. F-01, F-03 and F-09 of the fault list."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.waiting import type_line, until, wait_text

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

COUNT = "echo shell=$$; for i in $(seq 1 200); do echo tick=$i=; sleep 0.1; done; echo counted-$((1+1)); echo shell=$$"


def processes_of(run: Path) -> Iterator[tuple[int, str]]:
    """(pid, command line) of every process that belongs to the site whose VITRINE_RUN is `run`."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes()
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        # Redis writes its title over its environment; the title names its socket.
        ours = f"VITRINE_RUN={run}".encode() in environment.split(b"\0") or f"{run}/" in command
        if ours and "script/keep" not in command:
            yield int(entry.name), command


def kill_all(run: Path, pattern: str) -> int:
    """SIGKILL to every process of this site whose command line matches; how many that were."""
    found = [pid for pid, command in processes_of(run) if re.search(pattern, command)]
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    return len(found)


@pytest.mark.parametrize("pattern", ["daphne", "celery", r"redis-server"])
def test_a_shell_outlives_its_servers(lab, site, pattern):
    """F-01, F-09: After kill -9 of Daphne, of the workers, of Redis: the same shell, every number, once."""
    type_line(lab, COUNT)
    wait_text(lab, "tick=5=")

    assert kill_all(site.run, pattern) >= 1
    wait_text(lab, "counted-2", timeout=60)

    until(lab, "window.vitrine.text().match(/^shell=\\d+$/mg)?.length >= 2")
    seen = lab.evaluate("window.vitrine.text()")
    assert [str(n) for n in range(1, 201)] == re.findall(r"^tick=(\d+)=$", seen, re.M)
    assert len(set(re.findall(r"^shell=(\d+)$", seen, re.M))) == 1
    until(lab, "() => fetch('/healthz').then(r => r.ok, () => false)", timeout=30)
