"""What a sandbox changed: listed, kept, begun from, undone; and made an image."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.errors import RuntimeRefused
from runtime.image.layer import write_layer
from runtime.image.snapshots import Snapshots
from runtime.image.store import Store
from tests.needs import ROOT
from tests.runtime.node import needs_node

pytestmark = needs_node
CHANGES = """
set -e
echo changed > /etc/motd; rm -r /usr/share/man/man1; mkdir -p /new/dir; echo one > /new/dir/file; ln /new/dir/file /new/link
rm -r /opt; mkdir /opt; echo x > /opt/x; chown student /new/dir/file; chmod 4755 /new/dir/file; ln -s /nowhere /new/symlink
setfattr -n user.note -v hello /new/dir/file 2>/dev/null || python3 -c 'import os; os.setxattr("/new/dir/file", "user.note", b"hello")'
"""


@pytest.fixture
def cli(node):
    """The command line on this node: (status, output, errors)."""

    def act(*words):
        done = subprocess.run(
            [sys.executable, "-m", "runtime", *words], env=node.environment, cwd=ROOT, capture_output=True, text=True
        )
        return done.returncode, done.stdout, done.stderr

    return act


@pytest.fixture
def box(node):
    with node.sandbox() as identifier:
        yield identifier
    node.spawner.forget(identifier)


def sh(node, box, script):
    done = node.shim(box).exec(["sh", "-c", script])
    return done.stdout.decode() + done.stderr.decode()


def again(node, box, name, **request):
    """A rollback, as the site does it."""
    node.spawner.delete(box)
    node.spawner.create(id=box, image="linux", snapshot=f"{box}/{name}", **request)
    node.spawner.forget(box, after=name)


LOOK = "cat /etc/motd; ls -A /opt /usr/share/man | tr '\\n' ' '; find /new -printf '%p %M %u %T@ %l\\n' | cut -d. -f1 | sort; stat -c %h /new/link; getfattr -d /new/dir/file; cat /new/link"


def test_a_fresh_sandbox_has_changed_nothing(cli, box):
    """What the runtime writes to make a sandbox is no change of anybody's."""
    assert (0, "") == cli("diff", box)[:2]


def test_diff_lists_what_was_changed(node, cli, box):
    """A, C and D as docker has them."""
    sh(node, box, CHANGES)
    found = {(row["path"], row["change"]) for row in json.loads(cli("diff", box, "--json")[1])}

    wanted = {("/etc", "C"), ("/usr/share/man/man1", "D"), ("/new", "A"), ("/new/dir/file", "A"), ("/new/symlink", "A")}
    assert wanted <= found and ("/etc/hosts", "C") not in found


def test_a_rollback_undoes_everything_since(node, box):
    """Files that were made, changed and deleted are as they were; links, owners, modes, attributes too; processes have ended."""
    sh(node, box, CHANGES)
    before = sh(node, box, LOOK)
    node.spawner.snapshot(box, "one")
    sh(node, box, "rm -rf /new /etc/motd /opt; echo later > /later; sleep 1000 &")

    again(node, box, "one")

    assert before == sh(node, box, LOOK)
    assert "No such file" in sh(node, box, "ls /later") and "sleep" not in sh(node, box, "ps ax")


def test_snapshots_stand_on_each_other(node, box):
    """After a rollback only what is new is kept, and the first snapshot can still be gone back to; the later one is forgotten."""
    for name in ("one", "two"):
        sh(node, box, f"echo {name} > /{name}")
        node.spawner.snapshot(box, name)
    again(node, box, "two")
    sh(node, box, "rm /one; echo three > /three")
    third = node.spawner.snapshot(box, "three")
    again(node, box, "three")
    assert 2 == third["entries"] and "three\ntwo\n" == sh(node, box, "cat /three /two")
    assert "No such file" in sh(node, box, "cat /one")

    again(node, box, "one")

    assert ("one",) == node.spawner.snapshots(box)
    assert "one\n" == sh(node, box, "cat /one") and "No such file" in sh(node, box, "cat /two")


def test_a_fork_has_the_state_and_its_own_future(node, box):
    """A second sandbox begins from a snapshot; neither sees what the other does then, and what is stood on is not removed."""
    sh(node, box, "echo start > /file")
    node.spawner.snapshot(box, "one")
    with node.sandbox(snapshot=f"{box}/one") as fork:
        sh(node, fork, "echo wrong > /file")
        node.spawner.forget(box)
        with pytest.raises(RuntimeRefused, match="stands on"):
            node.spawner.snapshot(box, "one")

        assert ("start\n", "wrong\n") == (sh(node, box, "cat /file"), sh(node, fork, "cat /file"))

    node.spawner.forget(box)
    assert () == node.spawner.snapshots(box) and not (node.paths.snapshots / box).exists()


def test_snapshots_are_bounded_by_the_disk(node):
    """All of a sandbox together are no bigger than what it may write; the older ones stay."""
    with node.sandbox(disk=32 << 20) as box:
        sh(node, box, "dd if=/dev/urandom of=/big bs=1M count=20")
        node.spawner.snapshot(box, "one")
        with pytest.raises(RuntimeRefused, match="more was written than snapshots"):
            node.spawner.snapshot(box, "two")

        assert ("one",) == node.spawner.snapshots(box)
        assert ["one", "one.json"] == sorted(os.listdir(node.paths.snapshots / box))
        node.spawner.forget(box)


def test_a_guest_that_plays_with_links_meanwhile_wins_nothing(node, box):
    """A directory is swapped for a link to /etc while it is copied: no file of the host is in any snapshot."""
    swap = "mkdir -p /d/sub; echo guest > /d/sub/shadow; while :; do mv /d/sub /d/x; ln -s /etc /d/sub; rm /d/sub; mv /d/x /d/sub; done"
    sh(node, box, f"({swap}) >/dev/null 2>&1 &")
    secret = Path("/etc/shadow").read_text()
    for number in range(10):
        try:
            node.spawner.snapshot(box, f"s{number}")
        except RuntimeRefused:
            continue
        tree = node.paths.snapshots / box / f"s{number}" / "tree"
        found = {path: path.read_text() for path in tree.rglob("shadow") if path.is_file() and not path.is_symlink()}
        assert secret not in found.values()


def test_what_is_no_snapshot_is_refused(node, box):
    """Names are checked before anything becomes a path."""
    for wanted in ("x", "../../etc", f"{box}/../x", f"{box}/none"):
        with pytest.raises(RuntimeRefused):
            node.spawner.create(id=f"{box}-2", image="linux", snapshot=wanted)
    with pytest.raises(RuntimeRefused):
        node.spawner.snapshot(box, "../x")


def test_the_command_line_rolls_back(node, cli, box):
    """snapshot, a mistake, rollback: with the limits and the name it had."""
    sh(node, box, "echo good > /file")
    assert cli("snapshot", box, "good")[0] == 0
    sh(node, box, "echo bad > /file")

    status, _, said = cli("rollback", box, "good")

    assert 0 == status, said
    assert "good\nbox\n" == sh(node, box, "cat /file; hostname")
    assert 1 == cli("rollback", box, "none")[0]


def test_commit_makes_an_image(node, cli, box):
    """The image is the sandbox's and one layer; another sandbox of it has what was changed, and nothing more."""
    store = Store(node.paths.images)
    sh(node, box, CHANGES)
    before = sh(node, box, LOOK)
    try:
        status, _, said = cli("commit", box, "t-commit:v1")
        image = store.lookup("t-commit:v1")

        assert 0 == status, said
        assert store.lookup("linux").layers == image.layers[:-1]
        assert not (image.layers[-1] / "etc/hosts").exists()
        identifier = f"{box}-c"
        node.spawner.create(id=identifier, image="t-commit:v1")
        assert before == sh(node, identifier, LOOK)
        node.spawner.delete(identifier)
        assert write_layer(image.layers[-1], None).diff_id == image.parsed.diff_ids[-1]
    finally:
        store.remove("t-commit:v1")


def test_a_deleted_layer_is_an_error_that_says_so(node, box):
    """gc may have been between the look-up and the mount: then nothing is made, and asking again is right."""
    node.spawner.snapshot(box, "one")
    tree = node.paths.snapshots / box / "one"
    tree.rename(tree.with_name("moved"))

    with pytest.raises(RuntimeRefused, match="was deleted meanwhile; ask again"):
        node.spawner.create(id=f"{box}-2", image="linux", snapshot=f"{box}/one")

    tree.with_name("moved").rename(tree)
    assert [] == node.traces(f"{box}-2")


def test_what_is_forgotten_leaves_nothing(node):
    """The directory goes when the lab does."""
    with node.sandbox() as box:
        node.spawner.snapshot(box, "one")
        assert [box] == Snapshots(node.paths.snapshots).sandboxes()
    node.spawner.forget(box)

    assert [] == Snapshots(node.paths.snapshots).sandboxes()
