"""What comes out of Redis is not believed further than codes."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import time
from pathlib import Path

import pytest
import redis
from kombu.serialization import loads, prepare_accept_content

from labsite.celery import app
from labsite.labs import tasks  # noqa: F401 - registers them
from tests.labsite.stack import ROOT


class Evil:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_worker_takes_json_only(tmp_path):
    """A-13: A pickle or YAML in the queue is refused, and never opened."""
    evil = pickle.dumps(Evil(tmp_path / "pwned"))
    for kind in ("application/x-python-serialize", "pickle", "application/x-yaml"):
        with pytest.raises(Exception, match=r"(?i)refusing|not allowed|disabled|untrusted|ContentDisallowed"):
            loads(evil, kind, "binary", accept=prepare_accept_content(app.conf.accept_content))

    assert app.conf.accept_content == ["json"]
    assert not (tmp_path / "pwned").exists()


def test_where_pickle_is_taken_it_acts(tmp_path):
    """A-13: The same message, were pickle taken, makes the file: the test above can fail."""
    loads(
        pickle.dumps(Evil(tmp_path / "pwned")),
        "application/x-python-serialize",
        "binary",
        accept=prepare_accept_content(["pickle"]),
    )

    assert (tmp_path / "pwned").exists()


def test_only_the_site_may_open_its_redis(tmp_path):
    """A-13: The Redis of script/server listens on no port, and its socket is the site user's alone."""
    script = (ROOT / "script/redis").read_text()
    assert "--port 0" in script and "--unixsocketperm 700" in script
    path = tmp_path / "r.sock"
    server = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", path, "--unixsocketperm", "700", "--save", ""],
                              stdout=subprocess.DEVNULL)  # fmt: skip
    try:
        deadline = time.monotonic() + 10
        while not path.exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert path.stat().st_mode & 0o077 == 0
        client = redis.Redis(unix_socket_path=str(path))
        assert client.ping() and client.config_get("port")["port"] == "0"
        client.close()
    finally:
        server.terminate()
        server.wait()


def test_a_message_carries_codes_only():
    """A-13: No task takes a specification: its arguments are codes, names and numbers."""
    ours = [task for name, task in app.tasks.items() if name.startswith("labs.")]
    assert len(ours) >= 5
    for task in ours:
        kinds = {each.annotation for each in inspect.signature(task.run).parameters.values()}
        assert kinds <= {str, int}, task.name
