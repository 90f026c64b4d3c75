"""Namespaces: one made inside appears with its kind, its owner and its parent."""

import os

import pytest

from tests.runtime.node import needs_node

pytestmark = needs_node
FLAGS = {
    "mount": "--mount", "network": "--net", "uts": "--uts", "ipc": "--ipc", "cgroup": "--cgroup", "user": "--user", "pid": "--pid --fork",
}  # fmt: skip
PROC = {"network": "net", "mount": "mnt"}


@pytest.mark.parametrize("kind", FLAGS)
def test_one_that_is_made_inside_appears(watcher, kind):
    """It has an inode of its own, one process, and belongs to the sandbox's user namespace."""
    watcher.begin(f"unshare {FLAGS[kind]} sleep 300")
    sleeper = watcher.process("sleep")
    number = watcher.until(lambda seen: fresh(seen, sleeper["pid"], kind))

    space = watcher.now.collections["namespaces"][number]
    own = {row["kind"]: key for key, row in watcher.now.collections["namespaces"].items() if row["own"]}
    assert os.readlink(f"/proc/{sleeper['pid']}/ns/{PROC.get(kind, kind)}").endswith(f"[{number}]")
    assert (kind, False, own["user"]) == (space["kind"], space["own"], space["owner"])
    assert (own[kind] if kind in ("user", "pid") else None) == space["parent"]
    assert "process" == space["kept_by"]


def fresh(seen, pid, kind):
    """The namespace of a process, once it is not the sandbox's own."""
    for process in seen["processes"].values():
        number = process["namespaces"][kind]
        if process["pid"] == pid and number in seen["namespaces"] and not seen["namespaces"][number]["own"]:
            return number
    return None


def test_owners_and_parents_form_a_chain(watcher):
    """A network namespace made in a user namespace made inside is owned by that one; above all is the host."""
    watcher.begin("unshare --user --map-root-user --net sleep 300")
    pid = watcher.process("sleep")["pid"]
    number = watcher.until(lambda seen: fresh(seen, pid, "network"))

    spaces = watcher.now.collections["namespaces"]
    user = spaces[spaces[number]["owner"]]
    assert ("user", False) == (user["kind"], user["own"])
    assert ("user", True, "host") == tuple(spaces[user["parent"]][key] for key in ("kind", "own", "parent"))


def test_a_host_name_is_told(watcher):
    """Each UTS namespace has its name; the sandbox's own keeps its own."""
    watcher.begin("unshare --uts sh -c 'hostname otter; exec sleep 300'")

    names = watcher.until(
        lambda seen: (n := {s["hostname"] for s in seen["namespaces"].values() if s["kind"] == "uts"}) >= {"otter"} and n
    )

    assert {"box", "otter"} == names


def test_one_that_only_a_mount_keeps_is_still_there(watcher):
    """`ip netns add` leaves a network namespace without a process."""
    watcher.client.exec(["ip", "netns", "add", "empty"])

    kept = watcher.until(lambda seen: [s for s in seen["namespaces"].values() if s["kept_by"] == "mount"])

    assert [("network", 0)] == [(space["kind"], space["members"]) for space in kept]


def test_one_that_ends_is_removed(watcher):
    """With its last process a namespace goes."""
    watcher.begin("unshare --uts sleep 300")
    pid = watcher.process("sleep")["pid"]
    number = watcher.until(lambda seen: fresh(seen, pid, "uts"))
    watcher.client.exec(["pkill", "sleep"])

    assert watcher.until(lambda seen: number not in seen["namespaces"])
