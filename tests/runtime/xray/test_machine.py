"""A virtual machine in the x-ray: QEMU as the host sees it, the guest as it tells of itself, and which is which."""

from __future__ import annotations

import base64
import json
import os
import socket

import pytest

from runtime.shim import watching
from runtime.xray import boot, guest
from tests.runtime.node import needs_node, node  # noqa: F401  (a fixture)
from tests.runtime.xray.watcher import Watcher


@pytest.fixture(scope="module")
def vm(node):  # noqa: F811
    """The shim client of a machine that has booted."""
    with node.sandbox(backend="vm", hostname="vm") as identifier:
        client = node.shim(identifier)
        assert client.exec(["true"]).code == 0
        yield client


@needs_node
def test_the_host_sees_qemu_and_the_guest_tells_the_rest(vm):
    """Outside: QEMU in namespaces, with its size. Inside, marked as told: another kernel, and pid 1 is the agent."""
    with Watcher(vm) as watcher:
        inside = watcher.until(lambda seen: seen["guest_processes"])
        seen = watcher.now.collections
        self = seen["machine"]["self"]
        told = seen["guest"]["self"]

    assert [name for name in (p["comm"] for p in seen["processes"].values()) if name.startswith("qemu")]
    assert ("vm", os.uname().release) == (self["backend"], self["kernel"])
    assert self["accelerator"] in ("tcg", "kvm") and self["pss_bytes"] > 20 << 20
    assert ("guest", "vm") == (told["told_by"], told["hostname"])
    assert told["kernel"] != self["kernel"] and told["uptime_s"] > 0
    assert {"guest"} == {process["told_by"] for process in inside.values()}
    assert 1 in {process["pid"] for process in inside.values()}
    assert "machine-ready" in [step["name"] for step in seen["steps"].values()]


@needs_node
def test_a_process_of_the_guest_comes_and_goes(vm):
    """What runs in the guest is told within seconds, with its words and its user; the teller itself is not."""
    with Watcher(vm) as watcher:
        watcher.until(lambda seen: seen["guest_processes"])
        watcher.begin("exec sleep 4711")
        sleeper = watcher.until(lambda seen: next((p for p in seen["guest_processes"].values() if p["comm"] == "sleep"), None))
        vm.exec(["pkill", "sleep"])
        watcher.until(lambda seen: "sleep" not in {p["comm"] for p in seen["guest_processes"].values()})

    assert (["sleep", "4711"], 0) == (sleeper["args"], sleeper["uid"])
    assert not [p for p in watcher.now.collections["guest_processes"].values() if "read -r" in " ".join(p["args"])]


@needs_node
def test_a_single_look_waits_for_the_guest(vm):
    """`observe` without --watch has the guest's words too, and leaves nothing running in it."""
    seen = watching.look(vm).collections

    assert seen["guest"]["self"]["kernel"] == vm.exec(["uname", "-r"]).stdout.decode().strip()


def told(*answers: dict) -> guest.Guest:
    """A guest of which the supervisor says this."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    listener = guest.Guest(ours)
    with theirs:
        theirs.sendall(b"".join(json.dumps(answer).encode() + b"\n" for answer in answers))
        listener.receive()
    return listener


def report(text: str) -> dict:
    """A piece of output that holds this."""
    return {"out": base64.b64encode(text.encode()).decode()}


def test_a_guest_that_lies_gives_text_and_bounded_numbers():
    """V-08: Nonsense is dropped, markup and control characters are text, numbers stay within what a kernel could say."""
    lines = ["up nan", "kernel <b>\x1b[31m", "total 99999999999999999999999", "process x y z", "process 1 0 S 0 5 1 2 3 (a\x07"]
    heard = told(report("\n".join([*lines, "words 1 <script>\x01two", "end", ""])))
    heard.close()

    assert heard.machine["kernel"] == "<b>\\x1b[31m"
    assert heard.machine["memory_bytes"] <= 1 << 60
    assert [("a\\x07", ["<script>", "two"])] == [(each["comm"], each["args"]) for each in heard.processes.values()]


def test_a_guest_that_never_ends_a_line_is_given_up():
    """V-08: A report without an end is forgotten at a bound; no memory grows with what a guest says."""
    heard = told(*[report("x" * 20000)] * 3)
    for _ in range(20):
        heard._take(b"y" * 20000)
    heard.close()

    assert len(heard._report) <= guest.LARGEST and not heard.processes


def test_phases_follow_each_other():
    """Each phase begins where the one before it ended, and is named with the lines that do it."""
    steps = boot.timings({"phases": {"qemu": 140.3, "supervisor": 61.2, "ready": 900.0, "later": 950.0}}, 20_000)

    assert [("machine-supervisor", 20_000, 41_200), ("machine-qemu", 61_200, 79_100)] == [
        (step["name"], step["start_us"], step["duration_us"]) for step in steps[:2]
    ]
    assert ("runtime/vm/machine.py", "Running.welcome") == (steps[2]["file"], steps[2]["function"]) and steps[2]["line"]
