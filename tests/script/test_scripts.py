"""The scripts: readable by the shell, executable, quick to refuse."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((ROOT / "script").iterdir()) + [ROOT / ".ci/run"]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_bash_can_read_it(script):
    """No script has a syntax error."""
    subprocess.run(["bash", "-n", script], check=True)


def test_shellcheck_finds_nothing():
    """No script has a fault that shellcheck knows."""
    done = subprocess.run(["shellcheck", "-x", *SCRIPTS], cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_it_may_be_executed(script):
    """All but the shared part can be started by name."""
    assert os.access(script, os.X_OK) or script.name == "common.sh"


def test_server_needs_root():
    """Without root, script/server says so and what to type; it changes nothing."""
    # One right is kept: to read, so that the clone may lie in a home directory that is closed to nobody.
    reading = ["--inh-caps", "-all,+dac_read_search", "--ambient-caps", "-all,+dac_read_search"]
    command = ["setpriv", "--reuid", "65534", "--clear-groups", *reading, ROOT / "script/server"]
    done = subprocess.run(command, capture_output=True, text=True)

    assert 1 == done.returncode
    assert "sudo script/server" in done.stderr


def test_keep_brings_a_command_back(tmp_path):
    """What dies is started again; what ends well is not."""
    program = f"echo x >> {tmp_path}/runs; [ $(wc -l < {tmp_path}/runs) -ge 3 ]"
    done = subprocess.run([ROOT / "script/keep", "sh", "-c", program], capture_output=True, timeout=20)

    assert 0 == done.returncode
    assert 3 == len((tmp_path / "runs").read_text().splitlines())


def test_keep_gives_up_with_the_status():
    """A command that cannot start ends keep with its own status instead of being tried for ever."""
    done = subprocess.run([ROOT / "script/keep", "sh", "-c", "exit 7"], capture_output=True, timeout=20)

    assert 7 == done.returncode


def test_keep_stops_its_child(tmp_path):
    """SIGTERM to keep ends the command too."""
    keep = subprocess.Popen([ROOT / "script/keep", "sh", "-c", f"echo $$ > {tmp_path}/pid; exec sleep 60"])
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        pass
    pid = int((tmp_path / "pid").read_text())

    keep.terminate()

    assert 0 == keep.wait(10)
    assert not Path(f"/proc/{pid}").exists()
