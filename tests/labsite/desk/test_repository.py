"""A lesson from a Git repository: git itself, against a real server of the smart protocol on loopback."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from labsite.desk import repository
from labsite.desk.folders import Refused

BACKEND = Path(subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True).stdout.strip(), "git-http-backend")
LESSON = "---\ntitle: From Git\n---\n\n## One {#one}\n\nText.\n"


class Backend(BaseHTTPRequestHandler):
    """git-http-backend(1) behind HTTP; /away answers with a redirect."""

    root = ""

    def do_GET(self) -> None:
        if self.path.startswith("/away"):
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/lesson.git{self.path[5:]}")  # type: ignore[attr-defined]
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        environment = {
            "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": self.root, "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
            "QUERY_STRING": query, "REQUEST_METHOD": self.command, "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)), "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""), "REMOTE_ADDR": "127.0.0.1",
        }  # fmt: skip
        answer = subprocess.run([str(BACKEND)], input=body, env=environment, capture_output=True, check=False).stdout
        head, _, content = answer.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        self.send_response(int(fields.pop("Status", "200 OK").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815 - the name is that of http.server

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def git(place: Path, *arguments: str) -> None:
    """One command of whoever keeps the repository."""
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *who, *arguments], cwd=place, check=True, capture_output=True)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A repository with a lesson, a link out of it and a hook, served."""
    work = tmp_path / "work"
    work.mkdir()
    git(work, "init", "-q")
    (work / "lesson.md").write_text(LESSON)
    (work / "note.txt").write_text("beside it")
    git(work, "add", ".")
    git(work, "commit", "-qm", "one")
    git(tmp_path, "clone", "-q", "--bare", "work", "lesson.git")
    (work / "passwd").symlink_to("/etc/passwd")
    git(work, "add", ".")
    git(work, "commit", "-qm", "two")
    git(tmp_path, "clone", "-q", "--bare", "work", "hostile.git")
    Backend.root = str(tmp_path)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Backend)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_newest_commit_is_read(address, settings):
    """The lesson and what lies beside it, and nothing of the repository's own files."""
    settings.DESK_GIT_LOOPBACK = True

    found = repository.read(f"{address}/lesson.git")

    assert {"lesson.md": LESSON.encode(), "note.txt": b"beside it"} == dict(found)


def test_a_link_in_a_repository_is_refused(address, settings):
    """W-19: A repository is read like any other archive: what is no plain file is refused by its name."""
    settings.DESK_GIT_LOOPBACK = True

    with pytest.raises(Refused, match="passwd"):
        repository.read(f"{address}/hostile.git")


@pytest.mark.parametrize("path", ["/away", "/nothing.git"])
def test_a_redirect_leads_nowhere(address, settings, path):
    """W-18: git follows no redirect, and says what it met; what it made is gone."""
    settings.DESK_GIT_LOOPBACK = True

    with pytest.raises(Refused, match="git: "):
        repository.read(f"{address}{path}")


def test_loopback_is_not_the_public_internet(address):
    """W-18: Unless the operator's tests say so, nothing of this machine is fetched."""
    with pytest.raises(Refused):
        repository.read(address.replace("http:", "https:") + "/lesson.git")
