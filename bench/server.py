"""A site of the bench's own: `script/server` on free ports and in fresh directories.

Nothing a running site has is touched, nothing it does disturbs the figures, and we know the processes to
look at. The images are those of this machine: big, read-only, and slow to build.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from bench.peers import say
from runtime.paths import Paths

ROOT = Path(__file__).resolve().parent.parent
UID_BASE = str(0x4000_0000)  # apart from a running site's, and from those of bench.spawner
PATIENCE = 90.0


def free_port() -> int:
    """A loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """Where the site is, and which processes serve its terminals."""

    def __init__(self, state: Path, run: Path, more: dict[str, str]) -> None:
        self.state, self.run, self.more = state, run, more
        self.port, self.ws_port = free_port(), free_port()
        self.url = f"http://localhost:{self.port}"
        self.log = state / "server.log"
        self.paths = Paths(state, run)

    def environment(self) -> dict[str, str]:
        """The variables of the site; nothing of another site's reaches it."""
        own = {
            "VITRINE_STATE": str(self.state), "VITRINE_RUN": str(self.run), "VITRINE_UID_BASE": UID_BASE,
            "VITRINE_PORT": str(self.port), "VITRINE_WS_PORT": str(self.ws_port), "VITRINE_LABS_PER_ADDRESS": "1000",
        }  # fmt: skip
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("VITRINE_", "DJANGO_"))}
        return kept | own | self.more

    def borrow_images(self, store: Path) -> None:
        """Look at the images of this machine instead of building them again."""
        (self.state / "images").symlink_to(store / "images")
        (self.state / "stamps").mkdir()
        shutil.copy(store / "stamps" / "images", self.state / "stamps" / "images")

    def answers(self) -> bool:
        """Do both ports answer?"""
        try:
            socket.create_connection(("127.0.0.1", self.ws_port), timeout=1).close()
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def wait_ready(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until it answers; RuntimeError with its last words if it does not."""
        deadline = time.monotonic() + PATIENCE
        while not self.answers():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the site did not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.2)

    def terminal_processes(self, sandbox: str) -> list[int]:
        """The pids a terminal's bytes pass through: Daphne for the sockets, and the sandbox's shim."""
        from runtime.spawner.client import SpawnerClient

        return [daphne(self.ws_port), int(SpawnerClient(self.paths).state(sandbox)["shim_pid"])]


def daphne(port: int) -> int:
    """The pid of the Daphne that listens on a port."""
    wanted = ["-p", str(port)]
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if "daphne" in words and "script/keep" not in words and any(words[at : at + 2] == wanted for at in range(len(words))):
                return int(entry.name)
    raise ProcessLookupError(f"no Daphne on port {port}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ctrl-C, as a person would press it."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def own_site(**settings: str) -> Iterator[Server]:
    """A running site for the duration of a block, with these settings."""
    with contextlib.ExitStack() as ending:
        state = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="vitrine-bench-", dir="/var/lib")))
        run = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="vitrine-bench-", dir="/run")))
        server = Server(state, run, settings)
        server.borrow_images(Paths.from_environment().state)
        say(f"starting a site on {server.url}")
        with server.log.open("wb") as log:
            process = subprocess.Popen(
                ["script/server"], cwd=ROOT, env=server.environment(), stdout=log, stderr=log, start_new_session=True
            )
        ending.callback(stop, process)
        server.wait_ready(process)
        yield server
