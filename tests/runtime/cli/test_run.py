"""The command line from outside: output, exit statuses, and nothing left."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.runtime.node import UID_BASE, needs_node, wait_until

pytestmark = needs_node


@pytest.fixture
def run_directory():
    """Short, because the path of a socket has 107 bytes at most."""
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory)


@pytest.fixture
def alone(run_directory):
    """The environment of a machine where no spawner runs."""
    return {**os.environ, "VITRINE_RUN": str(run_directory), "VITRINE_UID_BASE": UID_BASE}


def runtime(environment, *words, **options):
    return subprocess.run(
        [sys.executable, "-m", "runtime", *words], env=environment, capture_output=True, timeout=60, **options
    )


def test_run_carries_output_and_status(alone, run_directory):
    """run --rm needs no spawner, passes everything on and leaves nothing."""
    result = runtime(alone, "run", "--rm", "linux", "sh", "-c", "id -u; cat /proc/1/comm; echo err >&2; exit 7")

    assert (7, b"0\ninit\n", b"err\n") == (result.returncode, result.stdout, result.stderr)
    assert ["ranges"] == os.listdir(run_directory)
    assert [] == os.listdir(run_directory / "ranges")


def test_two_at_once_do_not_disturb_each_other(alone):
    """One that ends early takes nothing of the other with it."""
    command = [sys.executable, "-m", "runtime", "run", "--rm", "linux", "sh", "-c"]
    slow = subprocess.Popen([*command, "sleep 1.5; echo slow"], env=alone, stdout=subprocess.PIPE)
    runtime(alone, "run", "--rm", "linux", "true")

    assert b"slow\n" == slow.communicate(timeout=20)[0]
    assert 0 == slow.returncode


def test_a_killed_command_line_leaves_nothing(alone, run_directory):
    """SIGKILL of the command line ends its spawner, which removes the sandbox."""
    command = [sys.executable, "-m", "runtime", "run", "--rm", "linux", "sh", "-c", "echo ready; sleep 100"]
    process = subprocess.Popen(command, env=alone, stdout=subprocess.PIPE)
    assert b"ready\n" == process.stdout.readline()
    process.kill()
    process.wait()
    process.stdout.close()

    wait_until(lambda: os.listdir(run_directory) == ["ranges"])
    assert [] == os.listdir(run_directory / "ranges")


@pytest.mark.parametrize(
    ("words", "status"),
    [(["linux", "no-such-program"], 127), (["linux", "/etc/passwd"], 126), (["no-such-image", "true"], 125)],
)
def test_what_could_not_run_has_its_own_status(alone, words, status):
    """125, 126 and 127 mean what they mean in docker."""
    result = runtime(alone, "run", "--rm", *words)

    assert status == result.returncode
    assert result.stderr


def test_a_signal_is_128_and_its_number(alone):
    """A command killed by a signal gives a shell's status."""
    assert 137 == runtime(alone, "run", "--rm", "linux", "sh", "-c", "kill -9 $$").returncode


def test_input_is_passed_on(alone):
    """-i passes standard input, and its end."""
    assert b"hello" == runtime(alone, "run", "--rm", "-i", "linux", "cat", input=b"hello").stdout


def test_json_has_the_timed_steps(alone):
    """--json prints state and steps before the command's output."""
    result = runtime(alone, "run", "--rm", "--json", "linux", "echo", "after")
    first, _, rest = result.stdout.partition(b"\n")
    steps = json.loads(first)["timings"]

    assert b"after\n" == rest
    assert steps and all(step["duration_us"] >= 0 and step["manual"] for step in steps)


def test_a_terminal_is_a_terminal(alone):
    """-it gives the command a pty, and carries its status."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "runtime", "run", "--rm", "-it", "linux", "sh", "-c", "tty; read line; echo got-$line; exit 3"],
        env=alone, stdin=child, stdout=child, stderr=child, start_new_session=True,
    )  # fmt: skip
    os.close(child)
    os.write(parent, b"word\n")
    seen = b""
    try:
        while data := os.read(parent, 4096):
            seen += data
    except OSError:
        pass  # EIO: the other end was closed
    os.close(parent)

    assert 3 == process.wait(30)
    assert b"/dev/pts/0" in seen
    assert b"got-word" in seen


def test_verbs_on_a_running_node(node):
    """create, exec, list, state, observe, pause, resume, kill, delete."""
    def run(*words):
        return runtime(node.environment, *words)

    assert 0 == run("create", "t-cli", "linux").returncode
    try:
        assert b"out\n" == run("exec", "t-cli", "echo", "out").stdout
        assert b"t-cli" in run("list").stdout
        assert "created" == json.loads(run("state", "t-cli").stdout)["status"]
        assert json.loads(run("observe", "--json", "t-cli").stdout)["processes"]
        for verb in ("start", "pause", "resume", "kill"):
            assert 0 == run(verb, "t-cli").returncode
    finally:
        assert 0 == run("delete", "t-cli").returncode
    assert 1 == run("state", "t-cli").returncode


@pytest.mark.parametrize("backend", ["container", "vm"])
def test_the_state_of_a_machine_says_how_it_is_run(node, backend):
    """Accelerator, why this one, and the phases; of a container there is nothing to say."""
    with node.sandbox(backend=backend) as identifier:
        node.shim(identifier).exec(["true"])
        told = json.loads(runtime(node.environment, "state", identifier).stdout)

    assert identifier == told["id"]
    assert (backend == "vm") == ("machine" in told)
    if backend == "vm":
        assert {"accelerator", "why", "restored", "kernel", "phases"} <= set(told["machine"])
