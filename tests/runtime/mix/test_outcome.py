"""What comes out of a sandbox as the mixer's answer is believed only in the mixer's own shape."""

from __future__ import annotations

import json

import pytest

from runtime.errors import RefusedError
from runtime.mix import outcome
from tests.runtime.node import needs_node

STEP = {
    "name": "unshare",
    "description": "make namespaces: pid",
    "manual": "unshare(2)",
    "duration_us": 7,
    "source": "runtime.mix.fences.Child.unshare",
}
ACTS = {"hostname": None, "mount": "EPERM", "file": "EROFS", "port": None}


@needs_node
def test_a_real_answer_passes_whole(mixer):
    """Every step and act that the mixer tells is of that shape."""
    said = mixer.make(
        namespaces=["user", "mount", "pid", "cgroup"], capabilities="none", seccomp=True, read_only=True, limits=True
    )
    read = outcome.read(json.dumps(said).encode())

    assert [step["name"] for step in said["timings"]] == [step["name"] for step in read["timings"]]
    assert said["acts"] == read["acts"]


@pytest.mark.parametrize(
    "said",
    [
        b"", b"[]", b"null", b"\xff", b"{}", b'{"timings": [], "acts": {}}',
        {"timings": [{**STEP, "source": "../../etc"}], "acts": ACTS},
        {"timings": [{**STEP, "name": "<b>"}], "acts": ACTS},
        {"timings": [{**STEP, "description": "x" * 300}], "acts": ACTS},
        {"timings": [{**STEP, "description": "\x1b[2J"}], "acts": ACTS},
        {"timings": [{**STEP, "duration_us": True}], "acts": ACTS},
        {"timings": [STEP] * 41, "acts": ACTS},
        {"timings": [STEP], "acts": {**ACTS, "mount": "<script>"}},
        {"timings": [STEP], "acts": {**ACTS, "more": None}},
        {"timings": [7], "acts": ACTS},
    ],
)  # fmt: skip
def test_anything_else_is_no_answer(said):
    """Another shape, another name, too long, too many: refused, and never shown."""
    with pytest.raises(RefusedError, match="not the mixer's"):
        outcome.read(said if isinstance(said, bytes) else json.dumps(said).encode())


def test_what_the_mixer_could_not_do_is_said():
    """Its own error is passed on, cut short."""
    with pytest.raises(RefusedError, match="unshare: no space"):
        outcome.read(json.dumps({"error": "unshare: no space left on device " + "x" * 999}).encode())
