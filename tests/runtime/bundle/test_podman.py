"""A real engine on our runtime: podman makes, enters, freezes, kills and deletes a container."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import needs
from tests.runtime.bundle.conftest import COMMAND

pytestmark = [needs.root, needs.cgroups, needs.program("podman"), pytest.mark.slow]
GROUP = "vitrine-bundles-podman"
# As many as this host grants anyone: where root may not raise limits, podman's own wish is refused.
LIMITS = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--network", "none", "--cgroup-parent", "/" + GROUP]


@pytest.fixture(scope="module")
def podman(tmp_path_factory):
    """podman with a store of its own and one image, which has busybox."""
    place = tmp_path_factory.mktemp("podman")
    binaries = place / "tree/bin"
    binaries.mkdir(parents=True)
    shutil.copy("/bin/busybox", binaries / "busybox")
    for name in ("sh", "cat", "sleep", "id", "echo", "ps", "stat"):
        (binaries / name).symlink_to("busybox")
    subprocess.run(["tar", "-C", place / "tree", "-cf", place / "tree.tar", "."], check=True)
    base = ["podman", "--root", str(place / "root"), "--runroot", str(place / "run"), "--storage-driver", "vfs",
            "--cgroup-manager", "cgroupfs", "--runtime", str(COMMAND)]  # fmt: skip

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*base, *words], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)

    assert call("import", "-q", str(place / "tree.tar"), "box").returncode == 0
    yield call
    call("rm", "-fa", "-t", "0")
    call("rmi", "-fa")
    for parent in [*Path("/sys/fs/cgroup").glob(f"*/{GROUP}"), Path("/sys/fs/cgroup", GROUP)]:
        for group, _, _ in os.walk(parent, topdown=False):  # podman leaves its monitors' groups
            os.rmdir(group)


def test_run_carries_output_and_status(podman):
    """podman run: output, status, our own root inside."""
    ended = podman("run", "--rm", *LIMITS, "box", "sh", "-c", "id -u; exit 3")

    assert (ended.returncode, ended.stdout) == (3, "0\n"), ended.stderr


def test_a_container_from_its_making_to_its_end(podman):
    """run -d, exec, exec with a terminal, pause, unpause, kill, rm."""
    made = podman("run", "-d", "--name", "one", *LIMITS, "box", "sleep", "300")
    assert made.returncode == 0, made.stderr

    entered = podman("exec", "one", "sh", "-c", "cat /proc/1/comm; exit 4")
    assert (entered.returncode, entered.stdout) == (4, "sleep\n"), entered.stderr
    assert "tty" in podman("exec", "-t", "one", "sh", "-c", "test -t 0 && echo tty").stdout
    assert podman("pause", "one").returncode == 0
    assert "Paused" in podman("ps", "-a", "--format", "{{.Status}}").stdout
    assert podman("unpause", "one").returncode == 0
    assert podman("kill", "one").returncode == 0
    assert podman("wait", "one").stdout.strip() == "137"
    assert podman("rm", "one").returncode == 0


def test_a_user_namespace(podman):
    """--uidmap: root inside is somebody else outside."""
    ended = podman("run", "--rm", *LIMITS, "--uidmap", "0:300000:65536", "box", "cat", "/proc/self/uid_map")

    assert ended.stdout.split() == ["0", "300000", "65536"], ended.stderr


def test_a_terminal_is_the_console(podman):
    """-t: standard input is a terminal of the container's own, and it is /dev/console."""
    ended = podman("run", "--rm", "-t", *LIMITS, "box", "sh", "-c", "test -t 0 && stat -c %F /dev/console")

    assert "character special file" in ended.stdout, ended.stderr


def test_limits_and_privileges_reach_the_kernel(podman):
    """-m, --cap-drop, no-new-privileges and podman's own filter."""
    words = ["-m", "32m", "--cap-drop", "all", "--security-opt", "no-new-privileges"]
    ended = podman("run", "--rm", *LIMITS, *words, "box", "cat", "/proc/self/status")
    status = dict(line.split(":\t", 1) for line in ended.stdout.splitlines() if ":\t" in line)

    assert (int(status["CapEff"], 16), status["NoNewPrivs"], status["Seccomp"]) == (0, "1", "2")


def test_what_cannot_be_run_has_its_own_status(podman):
    """127: not found, 126: not executable."""
    assert podman("run", "--rm", *LIMITS, "box", "nosuch").returncode == 127
    assert podman("run", "--rm", *LIMITS, "box", "/bin").returncode == 126


def test_no_trace_is_left(podman):
    """After all of it neither a record nor a group of ours is there."""
    left = os.listdir("/run/vitrine-bundles") if os.path.isdir("/run/vitrine-bundles") else []

    assert left == []
