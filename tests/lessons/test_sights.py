"""What a host check may ask of the x-ray's observation."""

import json
import re
from pathlib import Path

import pytest

from lessons import rules, sights

# the example of docs/xray.md is an observation as the runtime makes it
TEXT = (Path(__file__).parents[2] / "docs/xray.md").read_text(encoding="utf-8")
SEEN = json.loads(re.search(r"```json\n(\{\n \"format\".*?)```", TEXT, re.DOTALL)[1])


@pytest.mark.parametrize(
    ("collection", "where"),
    [
        ("cgroups", {"path": "/", "limits.memory_bytes": "<= 256M"}),
        ("cgroups", {"limits.pids": 256}),
        ("cgroups", {"limits.cpu_quota_us": "> 1000"}),
        ("sockets", {"state": "listen", "local": "~ ^0\\.0\\.0\\.0:8000$"}),
        ("mounts", {"target": "/mnt", "type": "tmpfs", "options": "has rw"}),
        ("namespaces", {"kind": "uts", "own": False, "hostname": "little-box"}),
        ("changes", {"path": "/etc/motd", "change": "deleted"}),
        ("machine", {"profile": "nested"}),
        ("processes", {"comm": "bash", "uids.sandbox": "not 0"}),
    ],
)
def test_what_is_there_is_seen(collection, where):
    """Values, comparisons, patterns, lists and fields within fields."""
    assert sights.faults(collection, where) == []
    assert sights.first(SEEN, collection, where)


@pytest.mark.parametrize(
    ("collection", "where"),
    [
        ("cgroups", {"limits.memory_bytes": "< 256M"}),
        ("sockets", {"state": "listen", "local": "~ ^127"}),
        ("mounts", {"target": "/mnt", "options": "has ro"}),
        ("links", {"name": "eth1"}),
        ("cgroups", {"limits.nothing": "> 1"}),
    ],
)
def test_what_is_not_there_is_not_seen(collection, where):
    """One wrong word and nothing is found."""
    assert sights.first(SEEN, collection, where) is None


@pytest.mark.parametrize(
    ("collection", "where", "words"),
    [
        ("cgruops", {"path": "/"}, "did you mean 'cgroups'"),
        ("cgroups", {"limit.memory": 1}, "did you mean 'limits'"),
        ("cgroups", None, "write where:"),
        ("cgroups", {"limits.pids": "< many"}, "not a number"),
        ("sockets", {"local": "~ ["}, "not a regular expression"),
        ("sockets", {"local": "~ (a+)+"}, "for ever"),
    ],
)
def test_a_wrong_question_is_told_of(collection, where, words):
    """Misspelt collections and fields, and values that cannot be compared."""
    assert any(words in fault for fault in sights.faults(collection, where))


def test_rules_see_and_do_not_see():
    """`see` fails without its object, `unseen` with it."""
    facts = {"processes": [{"pid": 1, "ns": {}}]}
    source = "- see: sockets\n  where: {state: listen}\n  else: nobody listens\n- unseen: changes\n  where: {path: /etc/motd}\n  else: motd\n"

    assert rules.faults(source) == []
    assert rules.evaluate(source, facts, SEEN).message == "motd"
    assert rules.evaluate(source, facts, {**SEEN, "sockets": {}}).message == "nobody listens"
    assert rules.evaluate(source, facts, {**SEEN, "changes": {}}).passed


OWN = {"comm": "bash", "namespaces.user": "other", "namespaces.mount": "same"}


@pytest.mark.parametrize(
    "more",
    [
        {"namespaces": {"kind": "uts", "hostname": "little-box"}},
        {"mounts": [{"target": "/", "type": "overlay"}, {"target": "/proc"}], "no-mounts": {"target": "/old"}},
        {"cgroups": {"limits.pids": "<= 256"}},
        {"links": {"name": "eth0"}, "addresses": {"address": "~ ^10\\.88\\."}, "no-links": {"name": "eth1"}},
        {"parent": {"comm": "bash", "pid": 4718}},
    ],
)
def test_a_process_is_asked_for_what_belongs_to_it(more):
    """Its namespaces beside the machine's, its mounts, groups, links, addresses and parent."""
    assert sights.faults("processes", OWN | more) == []
    assert sights.first(SEEN, "processes", OWN | more)["pid"] == 4730


@pytest.mark.parametrize(
    "more",
    [
        {"namespaces.uts": "same"},
        {"namespaces": {"hostname": "box"}},
        {"mounts": [{"target": "/"}, {"target": "/old"}]},
        {"no-mounts": {"target": "/proc"}},
        {"cgroups": {"limits.pids": "< 256"}},
        {"parent": {"comm": "init"}},
    ],
)
def test_what_belongs_to_another_does_not_count(more):
    """The machine's own hostname is there, but it is not this process's."""
    assert sights.first(SEEN, "processes", OWN | more) is None


def test_a_slip_in_what_belongs_to_a_process_is_told():
    """Unknown collections and unknown fields, with a guess."""
    assert "did you mean" in sights.faults("processes", {"mount": {"target": "/"}})[0]
    assert sights.faults("processes", {"mounts": {"targt": "/"}})
