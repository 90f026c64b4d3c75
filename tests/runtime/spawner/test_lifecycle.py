"""Sandboxes through the spawner: made, listed, removed, and nothing left of them."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from runtime.errors import RuntimeRefused
from tests.runtime.node import Terminal, needs_node, wait_until

pytestmark = needs_node


def fresh() -> str:
    return f"t-{secrets.token_hex(4)}"


def test_a_deleted_sandbox_leaves_nothing(node):
    """After delete no directory, cgroup, mount, lease or process bears the id."""
    with node.sandbox() as identifier:
        assert node.traces(identifier)
        pid = node.spawner.state(identifier)["shim_pid"]
        terminal = Terminal(node.shim(identifier))
        terminal.until(b"# ")
        terminal.close()

    assert [] == node.traces(identifier)
    assert not Path(f"/proc/{pid}").exists()


def test_no_mount_of_a_sandbox_is_seen_on_the_host(node):
    """Mounts are made in the shim's own namespace."""
    before = Path("/proc/self/mountinfo").read_text()
    with node.sandbox():
        assert before == Path("/proc/self/mountinfo").read_text()


def test_delete_may_be_repeated(node):
    """Deleting what is gone, or never was, succeeds."""
    assert node.spawner.delete(fresh())["ok"]


def test_deletes_at_the_same_time_all_succeed(node):
    """Several who delete the same sandbox are all told that it is gone."""
    identifier = fresh()
    node.spawner.create(id=identifier)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(node.spawner.delete(identifier))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [True] * 5 == [answer["ok"] for answer in answers]
    assert [] == node.traces(identifier)


def test_an_id_is_taken_once(node):
    """A second create of the same id is refused, and the first is not harmed."""
    with node.sandbox() as identifier:
        with pytest.raises(RuntimeRefused) as refusal:
            node.spawner.create(id=identifier)
        assert "exists" == refusal.value.code
        assert 0 == node.shim(identifier).exec(["true"]).code


def test_an_unknown_image_is_refused(node):
    """The refusal comes with nothing left behind, and the id is free again."""
    identifier = fresh()
    with pytest.raises(RuntimeRefused) as refusal:
        node.spawner.create(id=identifier, image="no-such-image")

    assert "no-such-image" in refusal.value.message
    wait_until(lambda: node.traces(identifier) == [])


def test_the_lifecycle_verbs(node):
    """created, running, paused, running, stopped: each verb moves the status."""
    with node.sandbox() as identifier:
        statuses = [node.spawner.state(identifier)["status"]]
        for verb in (node.spawner.start, node.spawner.pause, node.spawner.resume):
            verb(identifier)
            statuses.append(node.spawner.state(identifier)["status"])
        node.spawner.kill(identifier, signal.SIGKILL)
        wait_until(lambda: node.spawner.state(identifier)["status"] == "stopped")

    assert ["created", "running", "paused", "running"] == statuses


def test_a_paused_sandbox_can_be_deleted(node):
    """Frozen processes are killed like others."""
    with node.sandbox() as identifier:
        terminal = Terminal(node.shim(identifier))
        terminal.until(b"# ")
        terminal.close()
        node.spawner.pause(identifier)

    assert [] == node.traces(identifier)


def test_many_at_once(node):
    """Creations run side by side; the list has them all."""
    identifiers = [fresh() for _ in range(8)]
    threads = [threading.Thread(target=lambda i=i: node.spawner.create(id=i)) for i in identifiers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(identifiers) <= {state["id"] for state in node.spawner.list()}
    for identifier in identifiers:
        node.spawner.delete(identifier)
    assert [] == [trace for identifier in identifiers for trace in node.traces(identifier)]


def test_a_killed_shim_is_cleaned_up_after(node):
    """A shim that dies of SIGKILL takes its sandbox along, and the spawner removes the rest."""
    identifier = fresh()
    node.spawner.create(id=identifier)
    os.kill(node.spawner.state(identifier)["shim_pid"], signal.SIGKILL)

    wait_until(lambda: node.traces(identifier) == [])
    assert identifier not in [state["id"] for state in node.spawner.list()]


@pytest.mark.faults
def test_sandboxes_outlive_the_spawner(node):
    """After SIGKILL of the spawner terminals go on; a new one adopts them and cleans up the dead."""
    kept, lost = fresh(), fresh()
    for identifier in (kept, lost):
        node.spawner.create(id=identifier)
    terminal = Terminal(node.shim(kept))
    terminal.until(b"# ")
    node.process.kill()
    node.process.wait()
    terminal.type("echo still-he''re\n")
    terminal.until(b"still-here")
    os.kill(node.shim(lost).state()["state"]["shim_pid"], signal.SIGKILL)
    node.start()

    wait_until(lambda: [state["id"] for state in node.spawner.list()] == [kept])
    wait_until(lambda: node.traces(lost) == [])
    terminal.type("echo and-no''w\n")
    terminal.until(b"and-now")
    terminal.close()
    node.spawner.delete(kept)
    assert [] == node.traces(kept)


def test_a_second_spawner_refuses(node):
    """Two spawners on one directory would fight; the second says so and ends."""
    second = subprocess.run(
        [sys.executable, "-m", "runtime.spawner"], env=node.environment, capture_output=True, text=True, timeout=20
    )

    assert 1 == second.returncode
    assert "already" in second.stderr


def test_the_sockets_are_not_for_everyone(node):
    """Only root and the site's group may connect."""
    with node.sandbox() as identifier:
        for path in (node.paths.spawner_socket, node.paths.shim_socket(identifier)):
            assert 0o660 == stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("message", [b"x", b"[]", b"{}", b'{"v":1}', b'{"v":1,"verb":"do_ping"}', b"[" * 100000])
def test_garbage_is_answered(node, message):
    """A message that is no request gets a refusal, and the spawner lives on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        client.settimeout(5)
        client.connect(str(node.paths.spawner_socket))
        client.send(message)
        assert b'"ok": false' in client.recv(65536)

    assert node.answers()


def test_a_silent_client_holds_nobody_up(node):
    """Someone who connects and says nothing costs a descriptor."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        client.connect(str(node.paths.spawner_socket))
        assert node.answers()


def test_sandboxes_of_a_lab_see_each_other(node):
    """net=lab: an address each, names in the hosts file, and no way out."""
    lab, hosts = fresh(), {"one": "10.88.0.10", "two": "10.88.0.11"}
    common = {"net": "lab", "lab": lab, "hosts": hosts}
    with node.sandbox(lab_index=0, hostname="one", **common) as one:
        with node.sandbox(lab_index=1, hostname="two", **common):
            result = node.shim(one).exec(["ping", "-c", "1", "-W", "5", "two"], timeout=20)
            routes = node.shim(one).exec(["ip", "route"]).stdout

    assert (0, b"") == (result.code, result.stderr)
    assert b"default" not in routes
