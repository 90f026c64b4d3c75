"""A race: whose it is, what it may take, and that nothing of it stays."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from django.core.cache import cache
from django.test import Client

from labsite.labs import gateway, notify, race, reconciler
from labsite.labs.models import LabSession
from tests.labsite.labs.test_pages import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def told(node, monkeypatch) -> list:
    """What the page is told; the node's machines answer at once, and each race runs where it is asked for."""

    def create(sandbox, known=None, annotations=None) -> list:
        assert annotations == {gateway.RACER: sandbox.lab.code}
        return node.create(sandbox)

    messages: list = []
    monkeypatch.setattr(gateway, "create", create)
    monkeypatch.setattr(gateway, "exec", lambda *args, **options: SimpleNamespace(code=0))
    monkeypatch.setattr(notify, "send", lambda code, message: messages.append((code, json.loads(json.dumps(message)))))
    return messages


def start(client: Client, lab: LabSession, **counts: object):
    """Ask for a race."""
    return client.post(f"/api/v1/labs/{lab.code}/race", json.dumps(counts), content_type="application/json")


@pytest.fixture
def lena(learner) -> Client:
    return signed_in(learner)


def test_all_start_are_timed_and_go(lab, lena, told, node):
    """Two containers and a machine: each has its time, the last word has all, and the node is as it was before."""
    before = dict(node.sandboxes)
    answer = start(lena, lab, containers=2, vms=1)
    mine = [message for code, message in told if code == lab.code and message["type"] == "race"]

    assert answer.status_code == 202
    assert ["on"] * 4 + ["over"] == [message["state"] for message in mine]
    assert [("container", 1), ("container", 2), ("vm", 1)] == [(each["kind"], each["number"]) for each in mine[-1]["racers"]]
    assert all(each["ms"] >= each["made_ms"] and not each["error"] for each in mine[-1]["racers"])
    assert node.sandboxes == before
    assert race.last(lab) == mine[-1]


@pytest.mark.parametrize("counts", [{}, {"containers": 11}, {"vms": 4}, {"vms": -1}, {"containers": "2"}, {"vms": True}])
def test_a_wrong_number_is_refused(lab, lena, told, counts):
    """P-06: No more than the page offers, and only numbers."""
    assert (400, "bad-number") == ((answer := start(lena, lab, **counts)).status_code, answer.json()["code"])


def test_one_at_a_time_with_a_rest_between(lab, lena, told):
    """P-06: The same person waits between two races; another's race on this node is waited for."""
    assert 202 == start(lena, lab, containers=1).status_code
    assert (429, "race-rest") == ((answer := start(lena, lab, containers=1)).status_code, answer.json()["code"])

    cache.clear()
    cache.set(race._flag(), "another", 60)
    assert (429, "race-busy") == ((answer := start(lena, lab, containers=1)).status_code, answer.json()["code"])


def test_a_full_node_has_no_race(lab, lena, told, settings):
    """The machines of others come first."""
    settings.NODE_SANDBOXES = 2

    assert (409, "race-room") == ((answer := start(lena, lab, containers=2)).status_code, answer.json()["code"])


def test_one_that_fails_is_told_and_the_others_run_on(lab, lena, told, node, monkeypatch):
    """A racer that cannot start has a reason; the race ends all the same."""
    make = gateway.create

    def create(sandbox, **options) -> list:
        if sandbox.backend == "vm":
            raise gateway.GatewayError("limits", None, "no kernel for a guest")
        return make(sandbox, **options)

    monkeypatch.setattr(gateway, "create", create)
    start(lena, lab, containers=1, vms=1)
    runner, machine = told[-1][1]["racers"]

    assert runner["ms"] is not None and (machine["ms"], machine["error"]) == (None, "no kernel for a guest")


def test_what_a_killed_worker_leaves_is_removed(lab, node):
    """A racer of no race is removed by the reconciler; one of a race that is on is left alone."""
    node.sandboxes[f"{lab.code[:12]}-race-vm-1"] = {}
    cache.set(race._flag(), "on", 60)
    race.clear()
    assert 2 == len(node.sandboxes)

    cache.delete(race._flag())
    reconciler.race.clear()
    assert [f"{lab.code[:12]}-box"] == list(node.sandboxes)
