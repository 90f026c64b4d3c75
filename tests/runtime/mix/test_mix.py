"""Mixes: what is chosen is there, what is left out is shared, and never with the host. Seen from the host."""

from __future__ import annotations

import os

import pytest

from runtime.errors import SpecError
from runtime.linux.constants import PROC_NAMES
from runtime.mix.recipe import NAMESPACES, Mix
from tests.runtime.node import needs_node

pytestmark = needs_node


def hosts_own(kind: str) -> str:
    """The number of a namespace of this very process, which is on the host."""
    return os.readlink(f"/proc/self/ns/{PROC_NAMES.get(kind, kind)}").partition("[")[2].rstrip("]")


def test_nothing_chosen_shares_everything_with_the_sandbox_and_nothing_with_the_host(mixer):
    """Without a fence of its own a mix has the sandbox's: every namespace, and never the host's."""
    said = mixer.make()
    seen, first, mixed = mixer.look()

    assert {"hostname": None, "mount": None, "file": None, "port": None} == said["acts"]
    assert "mix-a" == mixed["comm"]
    assert first["namespaces"] == mixed["namespaces"]
    assert [] == [kind for kind in NAMESPACES if mixed["namespaces"][kind] == hosts_own(kind)]
    assert "mix-a" == seen["namespaces"][first["namespaces"]["uts"]]["hostname"]
    assert "/mnt/mix-a" in {mount["target"] for mount in seen["mounts"].values()}
    assert {"/mnt/mix-a", "/srv/mix-a"} == {path for path in seen["changes"] if not path.startswith("/etc/host")}


def test_everything_chosen_shares_nothing(mixer):
    """All eight namespaces, few capabilities, the filter, a read-only root and limits: all at once, and the sandbox unharmed."""
    said = mixer.make(namespaces=list(NAMESPACES), capabilities="docker", seccomp=True, read_only=True, limits=True)
    seen, first, mixed = mixer.look()

    assert [] == [kind for kind in NAMESPACES if mixed["namespaces"][kind] == first["namespaces"][kind]]
    assert {"hostname": "EPERM", "mount": "EPERM", "file": "EROFS", "port": None} == said["acts"]
    assert any("/mix-a" in group for group in mixed["cgroups"])
    assert (20_000, 0) == (mixed["uids"]["sandbox"], mixed["uids"]["own"])
    assert (2, True) == (mixed["seccomp_filters"], mixed["no_new_privs"])
    assert "sys_admin" not in seen["capabilities"][mixed["capabilities"]["bounding"]]["names"]
    limits = {
        name: value for group in seen["cgroups"].values() if group["path"] == "/mix-a" for name, value in group["limits"].items()
    }
    assert (32 << 20, 10_000, 16) == (limits["memory_bytes"], limits["cpu_quota_us"], limits["pids"])
    assert "box" == seen["namespaces"][first["namespaces"]["uts"]]["hostname"]


@pytest.mark.parametrize("kind", NAMESPACES)
def test_one_namespace_alone(mixer, kind):
    """Each kind can be had without the others: that one is its own, the seven others are the sandbox's."""
    mixer.make(namespaces=[kind])
    _, first, mixed = mixer.look()

    assert [kind] == [each for each in NAMESPACES if mixed["namespaces"][each] != first["namespaces"][each]]


def test_a_mix_has_no_more_than_the_sandbox_around_it(mixer):
    """However generous the recipe, the sandbox's own filter and its bounding set stay."""
    mixer.make(namespaces=["pid"], capabilities="all")
    _, first, mixed = mixer.look()

    assert first["capabilities"]["bounding"] == mixed["capabilities"]["bounding"]
    assert "filter" == mixed["seccomp"]


def test_the_next_of_a_letter_takes_the_place_of_the_last(mixer):
    """One process a letter, the sandbox's name as it was, and two letters side by side."""
    mixer.make("a")
    mixer.make("b", namespaces=["uts"], limits=True)
    mixer.make("a", capabilities="none")
    seen, first, _ = mixer.look("a")
    mixer.look("b")

    assert "box" == seen["namespaces"][first["namespaces"]["uts"]]["hostname"]
    assert "/mnt/mix-a" not in {mount["target"] for mount in seen["mounts"].values()}


@pytest.mark.parametrize(
    ("recipe", "field"),
    [
        ({"letter": "c"}, "letter"),
        ({"letter": "a", "namespaces": ["net"]}, "namespaces"),
        ({"letter": "a", "namespaces": "pid"}, "namespaces"),
        ({"letter": "a", "capabilities": "more"}, "capabilities"),
        ({"letter": "a", "seccomp": "yes"}, "seccomp"),
        ({"letter": "a", "read_only": True}, "read_only"),
        ({"letter": "a", "privileged": True}, "recipe"),
        (["a"], "recipe"),
    ],
)
def test_a_bad_recipe_is_refused_by_name(recipe, field):
    """What is wrong is named, before anything is made."""
    with pytest.raises(SpecError) as refused:
        Mix.from_dict(recipe)

    assert field == refused.value.path
