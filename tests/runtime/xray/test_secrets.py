"""Only the lab's own: nothing of the host, of the runtime or of another sandbox is shown."""

import json
import os
import re
from pathlib import Path

from runtime.paths import Paths
from runtime.shim import watching
from runtime.shim.observer import NAME
from tests.runtime.node import needs_node

pytestmark = needs_node


def test_no_process_that_is_not_in_the_sandbox(box, node):
    """Every pid outside is a member of the sandbox's own group; no number of the shim, the spawner or us is there."""
    seen = watching.look(box)
    state = box.state()["state"]

    pids = {process["pid"] for process in seen.collections["processes"].values()}
    for pid in pids:
        assert f"/{state['id']}" in Path(f"/proc/{pid}/cgroup").read_text()
    text = json.dumps(seen.to_dict())
    for pid in (state["shim_pid"], node.process.pid, os.getpid()):
        assert not re.search(rf'"p?pid": {pid}\b|"{pid}\.', text)


def test_no_path_of_the_host(box, node):
    """Where the store, the run directory and our own source lie is not in an observation."""
    box.exec(
        [
            "sh",
            "-c",
            "mkdir -p /srv/inside; mount --bind /srv/inside /mnt; (cd / && setsid -f sleep 300 </dev/null >/dev/null 2>&1)",
        ]
    )
    text = json.dumps(watching.look(box).to_dict())

    for path in (Paths.from_environment().state, node.paths.run, Path.cwd(), Path.home(), Path(os.sys.prefix)):
        assert str(path) not in text or str(path) == "/root"
    assert box.state()["state"]["id"] not in text


def test_nothing_of_a_neighbour(node):
    """Two sandboxes that share nothing show nothing of each other."""
    with node.sandbox(hostname="alphabox") as one, node.sandbox(hostname="omegabox") as two:
        for identifier in (one, two):
            node.shim(identifier).exec(
                ["sh", "-c", "echo > /root/$(hostname)-file; setsid -f sleep 300 </dev/null >/dev/null 2>&1"]
            )
        seen = [watching.look(node.shim(each)) for each in (one, two)]

    assert not seen[0].collections["processes"].keys() & seen[1].collections["processes"].keys()
    assert not seen[0].collections["namespaces"].keys() & seen[1].collections["namespaces"].keys()
    assert "omegabox" not in json.dumps(seen[0].to_dict()) and "alphabox" not in json.dumps(seen[1].to_dict())


def test_the_hosts_namespaces_are_called_host(box):
    """No inode of a namespace of the host's own is shown."""
    text = json.dumps(watching.look(box).to_dict())

    for name in ("user", "mnt", "pid", "net", "uts", "ipc", "cgroup", "time"):
        number = os.readlink(f"/proc/self/ns/{name}").rpartition("[")[2][:-1]
        assert f'"{number}"' not in text


def test_the_observer_has_three_capabilities(watcher):
    """Of all of root's power the looking process has kept what it needs to read."""
    watcher.until(lambda seen: seen["processes"])
    shim = watcher.client.state()["state"]["shim_pid"]
    children = [Path(f"/proc/{pid}") for pid in Path(f"/proc/{shim}/task/{shim}/children").read_text().split()]
    status = next((child / "status").read_text() for child in children if (child / "comm").read_text().strip() == NAME)

    for line in ("CapEff", "CapPrm"):
        assert 1 << 2 | 1 << 19 | 1 << 21 == int(re.search(rf"{line}:\s*([0-9a-f]+)", status)[1], 16)
