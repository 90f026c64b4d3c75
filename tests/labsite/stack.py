"""The whole site, started for a test: spawner, Redis, two Daphnes, workers; and ended again.

Everything has directories, ports and uid ranges of its own, so that it runs beside a site
that is in use. Nothing of it is left when the `with` block ends.
"""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
UID_BASE = 0x0800_0000
PATIENCE = 30.0


@dataclass
class Stack:
    """Where a running site is."""

    url: str
    ws_url: str
    run: Path
    log: Path
    environment: dict[str, str]
    previews: int = 0
    processes: dict[str, subprocess.Popen] = field(default_factory=dict)

    def manage(self, *args: str) -> str:
        """Run manage.py for this site."""
        command = [sys.executable, "manage.py", *args]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=True)
        return done.stdout

    def start(self, name: str) -> subprocess.Popen:
        """Start one of redis, pages, terminals, worker; for the first time, or again."""
        with self.log.open("ab") as log:
            command = _commands(self)[name]
            self.processes[name] = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        return self.processes[name]

    def keep(self, over: threading.Event) -> None:
        """Start again what ended by itself with an error, as script/keep does; what a test killed stays dead.

        A worker that loses Redis in the act of acknowledging a task gives up, and is to be had anew.
        """
        while not over.wait(0.2):
            for name, process in list(self.processes.items()):
                if (process.poll() or 0) > 0:
                    self.start(name)

    def wait(self, url: str) -> None:
        """Until something listens there."""
        _wait_for(url, self)


def reason_not_to_run() -> str | None:
    """What this host lacks, or None."""
    images = Path(os.environ.get("VITRINE_STATE", "/var/lib/vitrine")) / "images"
    if os.geteuid() or not (images / "index.json").exists():
        return "needs root and the linux image (sudo script/bootstrap)"
    return None if shutil.which("redis-server") else "needs redis-server (sudo script/bootstrap)"


@contextlib.contextmanager
def running_site(**variables: str) -> Iterator[Stack]:
    """Start everything; give it when it answers; end it."""
    with contextlib.ExitStack() as ending:
        run = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="vs-", dir="/run")))
        state = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="vitrine-site-")))
        stack = _prepare(run, state, variables)
        log = ending.enter_context(stack.log.open("ab"))
        _start_spawner(stack, log, ending)
        for name in _commands(stack):
            ending.callback(lambda name=name: _end(stack.processes[name]))
            stack.start(name)
        ending.enter_context(_kept(stack))
        for url in (stack.url, stack.ws_url, f"http://localhost:{stack.previews}"):
            _wait_for(url, stack)
        yield stack


@contextlib.contextmanager
def _kept(stack: Stack) -> Iterator[None]:
    """A keeper for the length of a block."""
    over = threading.Event()
    keeper = threading.Thread(target=stack.keep, args=(over,))
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()


def _prepare(run: Path, state: Path, variables: dict[str, str]) -> Stack:
    """Directories, environment and database of a fresh site."""
    pages, sockets, previews = _free_port(), _free_port(), _free_port()
    images = Path(os.environ.get("VITRINE_STATE", "/var/lib/vitrine")) / "images"
    (state / "images").symlink_to(images)
    url, ws_url = f"http://localhost:{pages}", f"ws://localhost:{sockets}"
    own = {
        "VITRINE_STATE": str(state), "VITRINE_RUN": str(run), "VITRINE_UID_BASE": str(UID_BASE), "VITRINE_RANGES": "512",
        "VITRINE_ORIGINS": url, "VITRINE_WS_URL": ws_url, "VITRINE_DEV": "1", "VITRINE_NODE": "test",
        "VITRINE_LABS_PER_ADDRESS": "1000", "VITRINE_PREVIEW_PORT": str(previews), "DJANGO_SECRET_KEY": secrets.token_hex(32), "VITRINE_LOG": "WARNING",
    }  # fmt: skip
    environment = {key: value for key, value in os.environ.items() if key not in ("REDIS_URL", "DATABASE_URL")}
    stack = Stack(url, ws_url, run, state / "log", environment | own | variables, previews)
    stack.manage("migrate", "--verbosity", "0")
    return stack


def _commands(stack: Stack) -> dict[str, list[str]]:
    """What runs beside the spawner, by name."""
    python, ports = sys.executable, [url.rpartition(":")[2] for url in (stack.url, stack.ws_url)]
    daphne = [python, "-m", "daphne", "-v", "0", "-b", "127.0.0.1", "--application-close-timeout", "1"]
    worker = [python, "-m", "celery", "-A", "labsite", "worker", "--loglevel", "WARNING", "--concurrency", "2"]
    beat = [python, "-m", "celery", "-A", "labsite", "beat", "--loglevel", "WARNING", "--pidfile=", "-s", str(stack.run / "beat")]
    redis = ["redis-server", "--port", "0", "--unixsocket", str(stack.run / "redis.sock"), "--save", ""]
    return {
        "redis": redis,
        "pages": [*daphne, "-p", ports[0], "labsite.asgi:application"],
        "terminals": [*daphne, "-p", ports[1], "labsite.asgi:application"],
        "previews": [python, "-m", "labsite.previews", "-p", str(stack.previews)],
        "worker": [*worker, "-Q", "sandboxes,checks,node.test", "-n", f"test-{os.getpid()}@%h"],
        "beat": beat,
    }


def _start_spawner(stack: Stack, log: object, ending: contextlib.ExitStack) -> None:
    command = [sys.executable, "-m", "runtime.spawner", "--foreground"]
    spawner = subprocess.Popen(command, cwd=ROOT, env=stack.environment, stdout=log, stderr=log)
    ending.callback(_end, spawner)
    ending.callback(_shut_down, stack)
    deadline = time.monotonic() + PATIENCE
    while not (stack.run / "spawner.sock").exists():
        assert spawner.poll() is None and time.monotonic() < deadline, stack.log.read_text()[-2000:]
        time.sleep(0.05)


def _shut_down(stack: Stack) -> None:
    """Delete every sandbox, and the spawner with them."""
    code = "from runtime.spawner.client import SpawnerClient; SpawnerClient().shutdown()"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=stack.environment, check=False)


def _end(process: subprocess.Popen) -> None:
    """Ask a process to end, then make it."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_for(url: str, stack: Stack) -> None:
    port, deadline = int(url.rpartition(":")[2]), time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, stack.log.read_text()[-2000:]
            time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
