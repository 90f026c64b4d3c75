"""Bundles, as the OCI runtime specification wants them run."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests import needs

pytestmark = [needs.root, needs.cgroups, needs.program("busybox")]


def until(condition, seconds=10):
    """Ask again and again until it holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "never true"
        time.sleep(0.02)


def test_output_and_status_are_the_programs(bundles):
    """Standard streams pass through, and so does the exit status."""
    ended = bundles.run("sh", "-c", "id -u; cat /proc/1/comm; echo oops >&2; exit 7")

    assert (ended.returncode, ended.stdout, ended.stderr) == (7, "0\nsh\n", "oops\n")


def test_every_namespace_asked_for_is_new(bundles):
    """Each link under /proc/self/ns differs from ours; what was not asked for is ours."""
    ended = bundles.run("sh", "-c", "for n in pid net ipc uts mnt cgroup user; do readlink /proc/self/ns/$n; done")
    inside = dict(line.split(":", 1) for line in ended.stdout.split())
    outside = {name: os.readlink(f"/proc/self/ns/{name}").split(":", 1)[1] for name in inside}

    assert {name for name in inside if inside[name] == outside[name]} == {"user"}


def test_the_lifecycle_is_the_specifications(bundles):
    """created, running, stopped; what a status forbids is refused; deleted is unknown."""
    bundles.write("sleep", "100")
    bundles.create()

    assert bundles.status() == "created"
    assert "exists already" in bundles.call("create", "--bundle", str(bundles.place), "one").stderr
    assert bundles.call("start", "one").returncode == 0
    assert bundles.status() == "running"
    assert "is running" in bundles.call("start", "one").stderr
    assert "is running" in bundles.call("delete", "one").stderr
    assert bundles.call("kill", "one", "KILL").returncode == 0
    until(lambda: bundles.status() == "stopped")
    assert "is stopped" in bundles.call("kill", "one").stderr
    assert bundles.call("delete", "one").returncode == 0
    assert "does not exist" in bundles.call("state", "one").stderr


def test_the_state_names_a_process_of_the_host(bundles):
    """`pid` is the host's number of the first process, and the bundle is where it was."""
    bundles.write("sleep", "100")
    bundles.create()
    state = json.loads(bundles.call("state", "one").stdout)

    assert os.readlink(f"/proc/{state['pid']}/ns/pid") != os.readlink("/proc/self/ns/pid")
    assert state["bundle"] == str(bundles.place) and state["ociVersion"].startswith("1.")


def test_exec_enters_the_container(bundles):
    """One more process: same namespaces, own status, own environment."""
    bundles.write("sleep", "100")
    bundles.create()
    bundles.call("start", "one")

    ended = bundles.call("exec", "-e", "X=5", "one", "sh", "-c", "hostname; echo $X; cat /proc/1/comm; exit 4")

    assert (ended.returncode, ended.stdout) == (4, "bundle\n5\nsleep\n")


def test_a_paused_container_does_nothing_and_can_be_deleted(bundles):
    """pause freezes, resume thaws, and delete --force ends even the frozen."""
    bundles.write("sleep", "100")
    bundles.create()
    bundles.call("start", "one")

    assert bundles.call("pause", "one").returncode == 0
    assert bundles.status() == "paused"
    assert bundles.call("delete", "--force", "one").returncode == 0


def test_limits_are_written(bundles):
    """Memory, processor time and processes: what is asked for stands in the control group's files."""
    script = "cat /sys/fs/cgroup/*/memory.limit_in_bytes /sys/fs/cgroup/*/pids.max 2>/dev/null || cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max"
    resources = {"memory": {"limit": 32 << 20}, "pids": {"limit": 20}, "cpu": {"quota": 50000, "period": 100000}}
    group = {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]}
    from tests.runtime.bundle.conftest import MOUNTS

    ended = bundles.run("sh", "-c", script, linux_resources=resources, mounts=[*MOUNTS, group])

    assert ended.stdout.split() == [str(32 << 20), "20"]


def test_capabilities_ids_and_privileges(bundles):
    """The three sets, the bounding set, the user and no_new_privs are as the file says."""
    kept = ["CAP_CHOWN", "CAP_KILL"]
    ended = bundles.run(
        "cat", "/proc/self/status", process_user={"uid": 1000, "gid": 1001, "additionalGids": [7]}, process_noNewPrivileges=True,
        process_capabilities=dict.fromkeys(("bounding", "permitted", "effective", "inheritable", "ambient"), kept),
    )  # fmt: skip
    status = dict(line.split(":\t", 1) for line in ended.stdout.splitlines() if ":\t" in line)

    assert (status["Uid"].split()[0], status["Gid"].split()[0], status["Groups"].strip()) == ("1000", "1001", "7")
    assert {int(status[name], 16) for name in ("CapBnd", "CapPrm", "CapEff", "CapInh", "CapAmb")} == {1 << 0 | 1 << 5}
    assert status["NoNewPrivs"] == "1"


def test_the_bundles_filter_is_loaded(bundles):
    """A call that the rules refuse is refused with their error."""
    rules = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdirat", "mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}],
    }

    ended = bundles.run("sh", "-c", "busybox mkdir /tmp2", linux_seccomp=rules)

    assert "not supported" in ended.stderr
    assert bundles.run("sh", "-c", "busybox mkdir /tmp2").returncode == 0


def test_masked_and_read_only(bundles):
    """Masked files are empty, read-only paths and a read-only root refuse writing."""
    script = "cat /proc/version; echo x >/proc/sys/kernel/domainname; touch /y; echo end"
    ended = bundles.run(
        "sh", "-c", script, linux_maskedPaths=["/proc/version", "/proc/none"], linux_readonlyPaths=["/proc/sys"],
        root={"path": str(bundles.rootfs), "readonly": True},
    )  # fmt: skip

    assert ended.stdout == "end\n"
    assert ended.stderr.count("Read-only file system") == 2


@pytest.mark.parametrize("target", ["/etc", "../../../../../../etc", "/proc/1/root/etc"])
def test_a_link_in_the_root_leads_no_mount_out(bundles, target, tmp_path):
    """E-38: a destination that is a symbolic link is followed inside the root, never on the host."""
    before = sorted(os.listdir("/etc"))
    (bundles.rootfs / "evil").symlink_to(target)
    (bundles.rootfs / "etc").mkdir()
    from tests.runtime.bundle.conftest import MOUNTS

    mount = {"destination": "/evil/place", "type": "tmpfs", "source": "tmpfs"}
    bundles.run("sh", "-c", "touch /evil/place/x", mounts=[*MOUNTS, mount])

    assert sorted(os.listdir("/etc")) == before


def test_nothing_is_left_behind(bundles):
    """No mount, group, process or record: neither after an end, nor after a creation that failed."""
    before = Path("/proc/self/mountinfo").read_text()

    bundles.run("true")
    failed = bundles.run("true", mounts=[{"destination": "/x", "type": "nosuchfs", "source": "none"}])

    assert failed.returncode == 1 and "mount none at /x" in failed.stderr
    assert Path("/proc/self/mountinfo").read_text().count("\n") == before.count("\n")
    assert os.listdir(bundles.state) == []


def test_hooks_are_told_the_state(bundles, tmp_path):
    """Each hook gets the state on its input, in the order of the container's life."""
    log = tmp_path / "log"
    hook = {"path": "/bin/sh", "args": ["sh", "-c", f"cat >>{log}; echo >>{log}"]}
    bundles.run("true", hooks={name: [hook] for name in ("prestart", "createRuntime", "poststart", "poststop")})

    states = [json.loads(line)["status"] for line in log.read_text().splitlines() if line]
    assert states[:2] == ["creating", "creating"] and states[-1] == "stopped"


def test_a_signal_ends_it_as_a_shell_would_say(bundles):
    """128 and the signal."""
    assert bundles.run("sh", "-c", "busybox sh -c 'kill -TERM $$'; exit $?").returncode == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ociVersion": "2.0.0"}, "ociVersion"),
        ({"root": {}}, "root.path"),
        ({"root": {"path": "nowhere"}}, "root.path"),
        ({"linux_namespaces": [{"type": "mnt"}]}, "linux.namespaces"),
        ({"linux_namespaces": [{"type": "pid"}, {"type": "pid"}]}, "twice"),
        ({"process_args": []}, "process.args"),
        ({"process_cwd": "relative"}, "process.cwd"),
        ({"linux_seccomp": {"defaultAction": "SCMP_ACT_MAYBE"}}, "SCMP_ACT_MAYBE"),
        ({"linux_cgroupsPath": "/../up"}, "linux.cgroupsPath"),
        ({"process_capabilities": {"bounding": ["CAP_FLY"]}}, "CAP_FLY"),
        ({"process_rlimits": [{"type": "RLIMIT_FUN", "soft": 1, "hard": 1}]}, "RLIMIT_FUN"),
        ({"linux_rootfsPropagation": "sideways"}, "linux.rootfsPropagation"),
    ],
)
def test_what_is_wrong_is_named(bundles, changes, words):
    """A field that cannot be honoured is an error with its name, before the program runs."""
    ended = bundles.run("sh", "-c", "echo ran", **changes)

    assert words in ended.stderr and "ran" not in ended.stdout


def test_a_program_that_is_not_there(bundles):
    """The words that engines look for."""
    assert "not found in $PATH" in bundles.run("nosuch").stderr
