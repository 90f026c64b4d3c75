"""Control groups, mounts, links and sockets: the figures the kernel keeps."""

import os
import signal
import socket
from pathlib import Path

from runtime.shim import watching
from runtime.shim.observer import NAME
from tests import needs
from tests.runtime.node import needs_node, wait_until
from tests.runtime.xray.watcher import Watcher

pytestmark = needs_node


def facts(seen, part, name):
    """One fact, from whichever hierarchy has it, of the sandbox's own group."""
    return next((g[part][name] for g in seen["cgroups"].values() if g["path"] == "/" and name in g[part]), None)


@needs.controller("cpu")
def test_a_spin_is_throttled(watcher):
    """A loop that wants more than half a processor is stopped, and the count of stops grows."""
    before = watcher.until(lambda seen: (facts(seen, "events", "cpu_throttled") or 0) + 1)
    watcher.begin("timeout 20 sh -c 'while :; do :; done'")

    assert watcher.until(lambda seen: facts(seen, "events", "cpu_throttled") > before + 2)
    limits = {name: facts(watcher.now.collections, "limits", name) for name in ("cpu_quota_us", "cpu_period_us")}
    assert {"cpu_quota_us": 50000, "cpu_period_us": 100000} == limits


@needs.controller("memory")
@needs.controller("pids")
def test_limits_and_usage(watcher):
    """Memory and processes have the limits they were given, and a usage below them."""
    seen = watcher.until(lambda seen: seen)

    assert 256 << 20 == facts(seen, "limits", "memory_bytes")
    assert 0 < facts(seen, "usage", "memory_bytes") < 256 << 20
    assert (256, True) == (facts(seen, "limits", "pids"), facts(seen, "usage", "pids") >= 1)


def test_a_group_made_inside_appears_below(watcher):
    """A group that the guest makes in a hierarchy it may use is seen with its parent."""
    watcher.client.exec(["sh", "-c", "for d in /sys/fs/cgroup /sys/fs/cgroup/*/; do mkdir $d/nest 2>/dev/null; done"])

    found = watcher.until(lambda seen: {k: g for k, g in seen["cgroups"].items() if g["path"] == "/nest"})

    assert all(group["parent"] == key.replace("/nest", "/") for key, group in found.items())


def test_pausing_is_seen(watcher, node):
    """A frozen sandbox is paused."""
    watcher.until(lambda seen: seen["machine"]["self"]["status"] == "running")
    watcher.client.ask("pause")

    assert "paused" == watching.look(watcher.client).collections["machine"]["self"]["status"]
    watcher.client.ask("resume")


def test_a_mount_made_inside_appears(watcher):
    """With its place, its kind, and the mount it stands on."""
    watcher.client.exec(["mount", "-t", "tmpfs", "-o", "nosuid", "mine", "/mnt"])

    mount = watcher.until(lambda seen: next((m for m in seen["mounts"].values() if m["target"] == "/mnt"), None))

    parent = watcher.now.collections["mounts"][mount["parent"]]
    assert ("tmpfs", "mine", "/") == (mount["type"], mount["source"], parent["target"])
    assert "nosuid" in mount["options"]
    groups = [m for m in watcher.now.collections["mounts"].values() if m["type"].startswith("cgroup")]
    assert groups and {"/"} == {m["root"] for m in groups}


def test_a_listening_socket_names_its_process(watcher):
    """A server appears with its port, and with who holds it."""
    watcher.begin("exec python3 -m http.server 8000")

    key = watcher.until(
        lambda seen: next((k for k, s in seen["sockets"].items() if s["state"] == "listen" and s["process"]), None)
    )

    row = watcher.now.collections["sockets"][key]
    assert ("tcp", "0.0.0.0:8000", 0) == (row["protocol"], row["local"], row["uid"])
    assert "python3" == watcher.now.collections["processes"][row["process"]]["comm"]


def test_links_addresses_and_routes_made_inside(watcher):
    """A veth pair across two namespaces of the sandbox is joined, its address and its route are there."""
    watcher.client.exec(
        ["sh", "-c", "ip netns add far; ip link add near type veth peer name end netns far;"
         "ip addr add 192.0.2.1/24 dev near; ip link set near up; ip netns exec far ip link set end up"]
    )  # fmt: skip
    watcher.begin("exec ip netns exec far sleep 300")

    seen = watcher.until(lambda seen: any(link["name"] == "end" for link in seen["links"].values()) and seen)

    links = {link["name"]: (key, link) for key, link in seen["links"].items()}
    assert links["end"][0] == links["near"][1]["peer"]
    assert links["near"][0] == links["end"][1]["peer"]
    assert any(row["address"] == "192.0.2.1/24" and row["link"] == links["near"][0] for row in seen["addresses"].values())
    assert any(row["destination"] == "192.0.2.0/24" for row in seen["routes"].values())


def test_the_labs_bridge_and_who_is_on_it(node):
    """Two machines of a lab: each sees the bridge with two ports, and which of them is its own."""
    with node.sandbox(net="lab", lab="pair", lab_index=0) as one, node.sandbox(net="lab", lab="pair", lab_index=1) as two:
        seen = [watching.look(node.shim(each)).collections for each in (one, two)]

    ports = [
        {key: link for key, link in each["links"].items() if key.startswith("lab:") and link["kind"] == "veth"} for each in seen
    ]
    assert ports[0].keys() == ports[1].keys() and 2 == len(ports[0])
    mine = [[key for key, link in each.items() if link["mine"]] for each in ports]
    assert [1, 1] == [len(each) for each in mine] and mine[0] != mine[1]
    own = next(link for link in seen[0]["links"].values() if link["name"] == "eth0")
    assert mine[0][0] == own["peer"]
    assert all(link["name"].startswith("port") and link["master"] == "lab:2" for link in ports[0].values())


def test_steps_lead_to_the_source(box):
    """Every step of the making has a manual page, a time, and the line that did it."""
    steps = watching.look(box).collections["steps"]

    lines = {step["name"]: (step["file"], step["line"]) for step in steps.values()}
    assert len(steps) > 15
    for file, line in lines.values():
        assert Path(file).read_text().splitlines()[line - 1].lstrip().startswith(("def ", "@")), (file, line)
    assert all(step["manual"].endswith(")") and step["duration_us"] >= 0 for step in steps.values())


def test_a_slow_viewer_gets_fewer_and_never_stale(box):
    """One who does not read while much happens then gets a difference to the newest, and not what was."""
    slow, quick = Watcher(box), Watcher(box)
    slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.until(lambda seen: seen)
    for number in range(8):
        box.exec(["sh", "-c", f"for i in $(seq 60); do echo > /root/{'x' * 100}$i-{number}; done"])
        quick.until(lambda seen, n=number: any(path.endswith(f"-{n}") for path in seen["changes"]))

    slow.until(lambda seen: sum(path.endswith("-7") for path in seen["changes"]) == 60)

    assert slow.now.version == quick.now.version or slow.now.collections["changes"] == quick.now.collections["changes"]
    slow.close()
    quick.close()


def observers(client):
    """The pids of those who look at a sandbox."""
    shim = client.state()["state"]["shim_pid"]
    children = Path(f"/proc/{shim}/task/{shim}/children").read_text().split()
    return [int(pid) for pid in children if Path(f"/proc/{pid}/comm").read_text().strip() == NAME]


def test_nothing_runs_when_nobody_watches(box):
    """The observer ends with the last viewer, and one is enough for two viewers."""
    with Watcher(box) as first, Watcher(box) as second:
        first.until(lambda seen: seen)
        second.until(lambda seen: seen)
        assert 1 == len(observers(box))

    wait_until(lambda: not observers(box))
    assert watching.look(box).collections["processes"]


def test_the_observer_dies_with_the_shim(node):
    """A shim that is killed leaves nobody who looks, and so no mount."""
    with node.sandbox() as identifier, Watcher(node.shim(identifier)) as watcher:
        watcher.until(lambda seen: seen)
        (pid,) = observers(watcher.client)
        os.kill(watcher.client.state()["state"]["shim_pid"], signal.SIGKILL)

        wait_until(lambda: not Path(f"/proc/{pid}").exists())


def test_the_end_is_told(node):
    """When init ends the viewer is told; when the sandbox is deleted the connection ends."""
    with node.sandbox() as identifier:
        watcher = Watcher(node.shim(identifier))
        watcher.until(lambda seen: seen)
        node.shim(identifier).ask("kill", signal=9)
        while watcher.read():
            pass
    assert {"type": "bye", "reason": "stopped"} == watcher.messages[-1]
    watcher.close()
