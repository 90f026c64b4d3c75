"""The pool: what it hands out is as fresh as what is made cold, and it leaves nothing behind."""

from __future__ import annotations

import os
import secrets
import signal
from pathlib import Path

import pytest

from runtime.errors import RefusedError, RuntimeRefused
from runtime.linux.cgroups import Cgroup
from runtime.loop import Loop
from runtime.spawner.birth import recipe
from runtime.spawner.ledger import Entry
from runtime.spawner.pool import Pool, size
from tests.runtime.node import Node, Terminal, needs_node, wait_until

LIMITS = {"memory": 96 << 20, "cpus": 0.25, "pids": 77, "disk": 64 << 20, "hostname": "otter"}


@pytest.fixture(scope="module")
def pooled(tmp_path_factory):
    """A node that keeps two sandboxes ready."""
    node = Node(tmp_path_factory.mktemp("pooled"), pool=2)
    node.start()
    yield node
    node.stop()


def fresh() -> str:
    return f"t-{secrets.token_hex(4)}"


def filled(node: Node, count: int = 2) -> bool:
    return node.spawner.ping()["ready"] == count


def taken(node: Node, **request: object) -> dict:
    """What `create` answers when the pool serves it; the first request teaches the pool the recipe."""
    if not filled(node):
        node.spawner.delete(node.spawner.create(id=fresh(), image="linux", **request)["state"]["id"])
        wait_until(lambda: filled(node), 20)
    answer = node.spawner.create(id=fresh(), image="linux", **request)
    if not any(timing["ahead"] for timing in answer["timings"]):  # another recipe was ready
        node.spawner.delete(answer["state"]["id"])
        wait_until(lambda: filled(node), 20)
        answer = node.spawner.create(id=fresh(), image="linux", **request)
    return answer


def limits_of(node: Node, state: dict) -> dict[str, str]:
    """The limits in the control group files of a sandbox's process 1."""
    born = node.paths.sandbox(state["id"]) / "born"
    group = Cgroup(born.read_text() if born.exists() else state["id"], parent=node.paths.cgroup)
    names = {"memory": ("memory.max", "memory.limit_in_bytes"), "cpu": ("cpu.max", "cpu.cfs_quota_us"), "pids": ("pids.max",)}
    found = {}
    for controller, files in names.items():
        path = group.controller(controller)
        found[controller] = next((path / file).read_text() for file in files if path and (path / file).exists())
    return found


def confinement(node: Node, identifier: str) -> dict[str, str]:
    """What a process inside can see of its own fences, less what has to differ (inode numbers, times)."""
    script = {
        "status": "grep -E '^(Cap|NoNewPrivs|Seccomp|Groups)' /proc/self/status",
        "limits": "cat /proc/self/limits",
        "mounts": "cut -d' ' -f4- /proc/self/mountinfo | sed 's/[ug]id=[0-9]*//g'",
        "cgroup": "cat /proc/self/cgroup",
        "names": "hostname; cat /etc/hostname /etc/hosts",
        "map": "awk '{print $1, $3}' /proc/self/uid_map /proc/self/gid_map",
        "user": "grep . /proc/sys/user/max_*_namespaces",
        "processes": "ps -eo comm,user | grep -v -e ps -e sh -e bash",
        "network": "ip -br addr show scope global | sed 's/@[^ ]*//'; ip route",
        "files": "ls -lA --time-style=+ / /etc /run /dev /tmp | awk '{print $1, $3, $4, $NF}' | grep -v ^total",
    }
    shim = node.shim(identifier)
    return {name: shim.exec(["sh", "-c", text]).stdout.decode() for name, text in script.items()}


@needs_node
def test_a_taken_sandbox_is_as_asked(pooled):
    """Id, host name, limits and annotations are the request's, though it was made before the request."""
    answer = taken(pooled, **LIMITS, annotations={"who": "learner"})
    state = answer["state"]
    terminal = Terminal(pooled.shim(state["id"]))
    screen = terminal.until(b"# ")
    terminal.close()

    assert "events" not in answer
    assert "take" in [timing["name"] for timing in answer["timings"] if not timing["ahead"]]
    assert all(timing["start_us"] < 0 for timing in answer["timings"] if timing["ahead"])
    assert {"who": "learner"} == state["annotations"]
    assert b"root@otter" in screen
    limits = limits_of(pooled, state)
    assert str(96 << 20) == limits["memory"].strip()
    assert limits["cpu"].startswith("25000")
    assert "77" == limits["pids"].strip()
    assert [state["id"]] == [one["id"] for one in pooled.spawner.list()]
    pooled.spawner.delete(state["id"])
    assert [] == pooled.traces(state["id"])


@needs_node
def test_taken_sandboxes_share_nothing(pooled):
    """Two from the pool have ranges of ids and namespaces of their own, and no file of the other's."""
    states = [taken(pooled, **LIMITS)["state"] for _ in range(2)]
    kinds = ("user", "mnt", "pid", "net", "uts", "ipc", "cgroup", "time")
    spaces = [{os.readlink(f"/proc/{state['pid']}/ns/{kind}") for kind in kinds} for state in states]
    pooled.shim(states[0]["id"]).exec(["touch", "/root/mine"])

    assert states[0]["uid_base"] != states[1]["uid_base"]
    assert set() == spaces[0] & spaces[1]
    assert b"" == pooled.shim(states[1]["id"]).exec(["ls", "/root/mine"]).stdout
    for state in states:
        pooled.spawner.delete(state["id"])


@needs_node
def test_cold_and_pooled_are_the_same(pooled):
    """From inside, nothing tells a sandbox from the pool from one made for the request."""
    request = {**LIMITS, "net": "lab", "lab": fresh(), "lab_index": 3, "hosts": {"otter": "10.88.0.13"}}
    pool = taken(pooled, **request)["state"]
    cold = Node(pooled.run / "cold")
    cold.run.mkdir()
    cold.environment["VITRINE_UID_BASE"] = str(int(cold.environment["VITRINE_UID_BASE"]) - 1024 * 65536)
    cold.start()
    try:
        other = cold.spawner.create(id=pool["id"], image="linux", **request)["state"]
        assert pool.keys() == other.keys()
        assert (pool["status"], pool["annotations"]) == (other["status"], other["annotations"])
        assert limits_of(pooled, pool) == limits_of(cold, other)
        assert confinement(cold, other["id"]) == confinement(pooled, pool["id"])
    finally:
        cold.stop()
        pooled.spawner.delete(pool["id"])


@needs_node
def test_a_set_up_before_the_first_look_is_seen_by_the_shell(pooled):
    """A shell that waited is not used once a command has run: it would not know what that did."""
    state = taken(pooled, **LIMITS)["state"]
    shim = pooled.shim(state["id"])
    assert 0 == shim.exec(["sh", "-c", "echo 'echo pro''file-was-read' >> /root/.profile"]).code

    terminal = Terminal(shim)
    assert b"profile-was-read" in terminal.until(b"# ")
    terminal.close()
    pooled.spawner.delete(state["id"])


@needs_node
def test_a_parked_sandbox_that_died_is_no_failure(pooled):
    """If it cannot serve, the same request is served cold, and the answer says why."""
    state = taken(pooled, **LIMITS)["state"]
    pooled.spawner.delete(state["id"])
    wait_until(lambda: filled(pooled), 20)
    parked = [path.name for path in pooled.paths.sandboxes.iterdir()]
    for name in parked:  # a name that is taken: the take must fail
        (pooled.paths.sandbox(name) / "config.json").unlink()
        (pooled.paths.sandbox(name) / "config.json").mkdir()

    answer = pooled.spawner.create(id=fresh(), image="linux", **LIMITS)

    assert ["pool.failed"] == [event["name"] for event in answer["events"]]
    assert not any(timing["ahead"] for timing in answer["timings"])
    assert 0 == pooled.shim(answer["state"]["id"]).exec(["true"]).code
    pooled.spawner.delete(answer["state"]["id"])


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@needs_node
def test_nobody_may_name_a_parked_sandbox(pooled):
    """The pool's names are refused in every verb."""
    wait_until(lambda: filled(pooled), 20)
    name = next(path.name for path in pooled.paths.sandboxes.iterdir() if path.name.startswith("pool-"))
    for verb in ("create", "delete", "state", "kill"):
        with pytest.raises(RuntimeRefused, match="pool"):
            pooled.spawner.ask(verb, id=name)


@pytest.mark.faults
@needs_node
def test_a_killed_spawner_leaves_no_parked_sandbox(tmp_path):
    """Parked sandboxes end with their spawner; what they could not remove, the next spawner does."""
    node = Node(tmp_path, pool=2)
    node.start()
    node.spawner.delete(node.spawner.create(id=fresh())["state"]["id"])
    wait_until(lambda: filled(node), 20)
    os.kill(children(node.process.pid)[-1], signal.SIGKILL)
    node.process.kill()
    node.process.wait()

    wait_until(lambda: len(list(node.paths.sandboxes.iterdir())) < 2)
    node.start()
    node.stop()

    assert [] == list(node.paths.sandboxes.iterdir())
    assert [] == list(node.paths.ranges.iterdir())
    assert [] == [tree for tree in Cgroup("x").trees if (tree.path / node.paths.cgroup).exists()]


class Clockwork:
    """A pool whose sandboxes are entries in a list."""

    def __init__(self, most: int) -> None:
        self.made: list[str] = []
        self.dropped: list[Entry] = []
        self.free = True
        self.loop = Loop()
        self.pool = Pool(most, self.loop, self.make, self.dropped.append, lambda: self.free)

    def make(self, request: dict) -> Entry:
        entry = Entry(f"pool-{len(self.made)}")
        self.made.append(request["image"])
        return entry

    def ask(self, image: str) -> Entry | None:
        return self.pool.take({"id": "x", "lab": None, "annotations": {}, "image": image})

    def turn(self, times: int) -> None:
        """Let the pool act as if it had been quiet long enough."""
        for _ in range(times):
            self.pool.heard = 0.0
            self.pool.refill()
            for entry in self.pool.parked:
                if not entry.ready:
                    self.pool.ready(entry)

    def close(self) -> None:
        self.loop.close()


@pytest.fixture
def clockwork():
    machine = Clockwork(4)
    yield machine
    machine.close()


def test_refilled_only_when_nobody_waits(clockwork):
    """While a creation is under way no parked sandbox is made; afterwards one at a time."""
    clockwork.ask("a")
    clockwork.free = False
    clockwork.turn(3)
    assert [] == clockwork.made

    clockwork.free = True
    clockwork.pool.heard = 0.0
    clockwork.pool.refill()
    clockwork.pool.refill()
    assert ["a"] == clockwork.made


def test_not_refilled_in_the_middle_of_a_rush(clockwork):
    """Somebody has just asked: others will, so the processor is theirs."""
    clockwork.ask("a")
    clockwork.pool.refill()

    assert [] == clockwork.made


def test_the_pool_follows_what_is_asked_for(clockwork):
    """It never holds more than its size, and another recipe gets its share."""
    clockwork.ask("a")
    clockwork.turn(9)
    assert ["a"] * 4 == clockwork.made
    assert clockwork.ask("b") is None
    clockwork.turn(9)

    assert 4 == len(clockwork.pool.parked)
    assert 2 == sum('"b"' in entry.recipe for entry in clockwork.pool.parked)
    assert 2 == len(clockwork.dropped)


def test_each_is_handed_out_once(clockwork):
    """What was taken is no longer in the pool."""
    clockwork.ask("a")
    clockwork.turn(2)
    first, second = clockwork.ask("a"), clockwork.ask("a")

    assert first is not second
    assert clockwork.ask("a") is None


def test_a_failure_slows_the_next_try(clockwork):
    """A recipe that cannot be made does not keep the processor busy."""
    clockwork.ask("a")
    clockwork.turn(1)
    clockwork.pool.lost(clockwork.pool.parked[0])

    assert clockwork.pool.failures == 1
    assert clockwork.loop.patience() > 0.5


def test_a_recipe_has_all_but_the_particulars():
    """Requests that differ in id, lab and annotations only are served from the same store."""
    request = {"id": "a", "lab": "x", "annotations": {}, "image": "linux", "pids": 9}

    assert recipe(request) == recipe({**request, "id": "b", "lab": "y", "annotations": {"a": "b"}})
    assert recipe(request) != recipe({**request, "pids": 10})


def test_the_size_is_checked():
    """VITRINE_POOL is a number; anything else stops the start."""
    assert 0 == size({"VITRINE_POOL": "0"})
    with pytest.raises(RefusedError, match="VITRINE_POOL"):
        size({"VITRINE_POOL": "-1"})
