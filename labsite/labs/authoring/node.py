"""A spawner to test against: the one that runs, or one of our own."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.management.base import CommandError

from labsite.labs import gateway


@contextmanager
def spawner() -> Iterator[None]:
    """Use the spawner that runs, or one of our own for as long as this lasts."""
    if gateway.ping():
        yield
        return
    if os.geteuid() != 0:
        raise CommandError("no spawner runs: start the site first, or run this as root")
    before = os.environ.get("VITRINE_RUN")
    with tempfile.TemporaryDirectory(prefix="vitrine-lessons-") as run:
        os.environ["VITRINE_RUN"] = run
        try:
            with _own_spawner():
                yield
        finally:
            os.environ.pop("VITRINE_RUN")
            if before is not None:
                os.environ["VITRINE_RUN"] = before


@contextmanager
def _own_spawner() -> Iterator[None]:
    command = [sys.executable, "-m", "runtime.spawner", "--ephemeral", "--die-with-parent"]
    process = subprocess.Popen(command, cwd=settings.BASE_DIR)
    try:
        for _ in range(100):
            if gateway.ping():
                break
            if process.poll() is not None:
                raise CommandError(f"the spawner ended with status {process.returncode}")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)
