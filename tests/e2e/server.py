"""A whole site for the browser tests: `script/server` itself, on ports and directories of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMAGES = Path(os.environ.get("VITRINE_STATE", "/var/lib/vitrine"))
UID_BASE = "1610612736"  # not the default range: a server may be running beside us
START_TIMEOUT = 90


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Server:
    """`script/server` as a child; `stop` presses Ctrl-C and removes what it wrote."""

    state: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="vitrine-e2e-", dir="/var/lib")))
    run: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="vitrine-e2e-", dir="/run")))
    port: int = field(default_factory=free_port)
    ws_port: int = field(default_factory=free_port)
    preview_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where the pages are."""
        return f"http://localhost:{self.port}"

    @property
    def log(self) -> Path:
        """What the server said."""
        return self.state / "server.log"

    def start(self) -> None:
        """Start, and wait until the first page is answered."""
        self.borrow_images()
        self.add_lessons()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["script/server"], cwd=ROOT, env=self.environment(), stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + START_TIMEOUT
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.2)

    def borrow_images(self) -> None:
        """Images, and what virtual machines are made of, are big: use those of this host instead of building them again."""
        (self.state / "stamps").mkdir()
        for names in (("images",), ("machines", "kernels")):
            if (IMAGES / "stamps" / names[0]).exists():
                shutil.copy(IMAGES / "stamps" / names[0], self.state / "stamps" / names[0])
                for name in names:
                    (self.state / name).symlink_to(IMAGES / name)

    def add_lessons(self) -> None:
        """The real courses, and one more with every kind of question."""
        shutil.copytree(ROOT / "lessons/content", self.lessons)
        shutil.copytree(ROOT / "tests/e2e/course", self.lessons / "zz-tests")

    @property
    def lessons(self) -> Path:
        """Where this site's lessons are."""
        return self.state / "lessons"

    def manage(self, *args: str) -> str:
        """manage.py of this site, run by the site's own user; what it printed."""
        command = ["bash", "-c", '. script/common.sh; as_vitrine .venv/bin/python manage.py "$@"', "manage", *args]
        done = subprocess.run(command, cwd=ROOT, env=self.environment(), capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def rows(self, code: str) -> str:
        """Run a few lines of Python with the models at hand."""
        names = "from datetime import timedelta\nfrom django.utils import timezone\n"
        return self.manage("shell", "--no-imports", "-c", f"{names}from labsite.labs.models import *\n{code}")

    def environment(self) -> dict[str, str]:
        """The server's settings, apart from those of any other server."""
        own = {
            "VITRINE_STATE": str(self.state),
            "VITRINE_RUN": str(self.run),
            "VITRINE_PORT": str(self.port),
            "VITRINE_WS_PORT": str(self.ws_port),
            "VITRINE_PREVIEW_PORT": str(self.preview_port),
            "VITRINE_UID_BASE": UID_BASE,
            "VITRINE_LABS_PER_ADDRESS": "100",
            "VITRINE_FOREIGN_LESSONS": "tests/lessons/foreign/fixtures",
            "VITRINE_LESSONS": str(self.lessons),
            "VITRINE_PREVIEW": "1",
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("VITRINE_", "DJANGO_"))}
        return kept | own

    def answers(self) -> bool:
        """Do both ports answer?"""
        try:
            socket.create_connection(("127.0.0.1", self.ws_port), timeout=1).close()
            return urllib.request.urlopen(f"{self.url}/healthz", timeout=2).status == 200
        except OSError:
            return False

    def stop(self) -> None:
        """Ctrl-C, as a person would; then remove the directories."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(timeout=40)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGTERM)
                self.process.wait(timeout=20)
        for directory in (self.state, self.run):
            shutil.rmtree(directory, ignore_errors=True)
