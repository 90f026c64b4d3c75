"""Processes: every one of the sandbox, with both its numbers, and no other."""

import os
from pathlib import Path

from runtime.shim import watching
from tests.runtime.node import needs_node

pytestmark = needs_node


def test_a_process_has_a_pid_outside_and_one_for_each_level_inside(watcher):
    """In a nested pid namespace a process has three numbers; the kernel agrees with each."""
    watcher.begin("unshare --user --map-root-user --pid --fork --mount-proc sh -c 'exec sleep 300'")

    sleeper = watcher.process("sleep")

    inside = [int(n) for n in Path(f"/proc/{sleeper['pid']}/status").read_text().partition("NSpid:")[2].split("\n")[0].split()]
    assert inside[-2:] == sleeper["pids"]
    assert 1 == sleeper["pids"][1]
    assert sleeper["namespaces"]["pid"] != watcher.now.collections["processes"][sleeper["parent"]]["namespaces"]["pid"]
    assert sleeper["namespaces"]["pid"] == watcher.now.collections["processes"][sleeper["parent"]]["pid_for_children"]


def test_a_process_has_a_user_id_for_each_numbering(watcher):
    """Root of a namespace made inside by user 1000 is 1000 to the sandbox and another to the host."""
    watcher.begin("setpriv --reuid 1000 --regid 1000 --clear-groups unshare --user --map-root-user sleep 300")

    sleeper = watcher.process("sleep")
    seen = watcher.until(
        lambda now: (p := now["processes"].get(f"{sleeper['pid']}.{start(sleeper['pid'])}")) and p["uids"]["own"] == 0 and p
    )

    base = watcher.now.collections["machine"]["self"]["uid_base"]
    assert {"outside": base + 1000, "sandbox": 1000, "own": 0} == seen["uids"]
    assert os.stat(f"/proc/{sleeper['pid']}").st_uid == seen["uids"]["outside"]


def start(pid: int) -> str:
    """When a process began, as the kernel counts."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def test_powers_are_those_the_kernel_shows(watcher):
    """Capabilities, the filter and no_new_privs of a process."""
    watcher.begin("setpriv --no-new-privs --inh-caps=-all --bounding-set=-net_raw sleep 300")

    sleeper = watcher.process("sleep")
    names = watcher.now.collections["capabilities"]

    assert sleeper["no_new_privs"]
    assert "filter" == sleeper["seccomp"]
    assert "net_raw" not in names[sleeper["capabilities"]["bounding"]]["names"]
    assert "chown" in names[sleeper["capabilities"]["effective"]]["names"]


def test_an_end_is_seen(watcher):
    """A process that ended is removed."""
    watcher.begin("sleep 300")
    pid = watcher.process("sleep")["pid"]
    watcher.client.exec(["pkill", "sleep"])

    assert watcher.until(lambda seen: pid not in {p["pid"] for p in seen["processes"].values()})


def test_the_observer_is_not_inside(watcher):
    """`ps` in the sandbox shows nothing of those who look."""
    watcher.until(lambda seen: seen["processes"])

    listing = watcher.client.exec(["ps", "-e", "-o", "comm="]).stdout.decode().split()

    assert set(listing) <= {"init", "ps", "sh"}


def test_a_fork_under_way_is_nobodys_to_see(box):
    """A child of the shim that has not executed yet shows neither our program nor our command line."""
    for _ in range(12):
        box.exec(["true"])
        seen = watching.look(box)
        assert not [p for p in seen.collections["processes"].values() if "runtime" in " ".join(p["args"])]


def test_a_zombie_is_seen(watcher):
    """A process that ended and was not waited for is there, with the state Z and its parent."""
    watcher.begin("exec python3 -c 'import os, time; os.fork() or os._exit(3); time.sleep(300)'")

    zombie = watcher.until(lambda seen: next((p for p in seen["processes"].values() if p["state"] == "Z"), None))

    assert "python3" == watcher.now.collections["processes"][zombie["parent"]]["comm"]
    assert 0 == zombie["memory_bytes"]
