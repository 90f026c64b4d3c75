"""What the spawner may be asked. None of these tests needs a privilege."""

from __future__ import annotations

import pytest

from runtime.errors import RefusedError
from runtime.spawner import requests
from runtime.spawner.requests import FOR_ROOT, FOR_SITE, Peer, admit, sandbox

SITE = 990
GOOD = {"v": 1, "verb": "create", "id": "a-1"}


def test_a_request_is_completed_with_defaults():
    """An id alone asks for the default sandbox."""
    fields = sandbox(GOOD, FOR_SITE)

    assert ("a-1", "linux", "nested", 256 << 20, "none") == (
        fields["id"], fields["image"], fields["profile"], fields["memory_bytes"], fields["net"]
    )  # fmt: skip


@pytest.mark.parametrize("field", ["args", "mounts", "rootfs", "path", "spec", "env", "process", "bundle"])
def test_an_unlisted_field_is_refused(field):
    """No path, mount, argument or spec can be passed, by anyone."""
    for caps in (FOR_SITE, FOR_ROOT):
        with pytest.raises(RefusedError):
            sandbox({**GOOD, field: "x"}, caps)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "../etc"), ("id", ""), ("id", "A"), ("id", None), ("id", "a" * 64), ("id", "a\n"),
        ("image", "../../x"), ("image", "-x"), ("image", 3), ("profile", "privileged"),
        ("memory", 1 << 50), ("memory", "1G"), ("memory", True), ("memory", -1),
        ("cpus", 0), ("cpus", float("nan")), ("cpus", 1e9), ("pids", 1.5), ("pids", 1 << 30), ("disk", 0),
        ("net", "host"), ("net", "lab"), ("lab_index", 201), ("lab", "a/b"),
        ("hostname", "a b"), ("hostname", "x" * 65), ("hosts", {"a": "not an address"}), ("hosts", {"a\nb": "10.88.0.1"}),
        ("hosts", ["x"]), ("annotations", {"a": 1}), ("annotations", {"a": "b\0"}), ("annotations", {str(n): "" for n in range(99)}),
    ],
)  # fmt: skip
def test_a_field_out_of_bounds_is_refused(field, value):
    """Every field has one form; the refusal names it."""
    with pytest.raises(RefusedError) as refusal:
        sandbox({**GOOD, field: value}, FOR_SITE)

    assert "lab" in str(refusal.value) if value == "lab" else field in str(refusal.value)


def test_root_may_ask_for_more_of_the_same():
    """Root's caps are higher; its fields are the same."""
    request = {**GOOD, "memory": 8 << 30}

    assert 8 << 30 == sandbox(request, FOR_ROOT)["memory_bytes"]
    with pytest.raises(RefusedError):
        sandbox(request, FOR_SITE)


def test_the_site_may_not_shut_the_spawner_down():
    """shutdown is root's alone."""
    assert "shutdown" == admit(Peer(1, 0, 0), "shutdown", SITE)
    with pytest.raises(RefusedError):
        admit(Peer(1, SITE, SITE), "shutdown", SITE)


def test_a_stranger_may_do_nothing():
    """A user who is neither root nor the site's is refused every verb."""
    for verb in requests.VERBS:
        with pytest.raises(RefusedError):
            admit(Peer(1, 1000, 1000), verb, SITE)


@pytest.mark.parametrize("verb", [None, "__init__", "in_fork", [], {}])
def test_an_unknown_verb_is_refused(verb):
    """Only listed verbs reach a method."""
    with pytest.raises(RefusedError):
        admit(Peer(1, 0, 0), verb, SITE)
