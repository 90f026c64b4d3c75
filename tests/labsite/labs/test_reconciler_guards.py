"""What the reconciler must not do: act on an empty or a missing database, or believe a clock that was set."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.utils import timezone

from labsite.labs import clock, gateway, reconciler
from labsite.labs.models import LabSession, Sandbox

pytestmark = pytest.mark.django_db
MANY = {f"{number:012x}-box": {"id": f"{number:012x}-box"} for number in range(reconciler.MOST_UNKNOWN + 1)}


def test_an_empty_database_destroys_nothing(node, db):
    """F-31: With many sandboxes and no row, it looks at the wrong database: all are left, until an operator says so."""
    node.sandboxes.update(MANY)
    reconciler.run()
    assert set(node.sandboxes) == set(MANY)

    call_command("reconcile", "--confirm")
    assert node.sandboxes == {}


def test_a_few_left_overs_go_unasked(node, db):
    """F-31, F-23: Up to the bound they are what a dead worker left, and are removed at once."""
    node.sandboxes.update(list(MANY.items())[: reconciler.MOST_UNKNOWN])
    reconciler.run()

    assert node.sandboxes == {}


def test_what_is_not_ours_is_not_listed(monkeypatch):
    """F-23: A sandbox without our mark on it, made by hand on this node, is nobody's business here."""
    states = [{"id": "by-hand", "annotations": {}}, {"id": "ours", "annotations": {gateway.OURS: "x"}}]
    monkeypatch.setattr("labsite.labs.gateway.SpawnerClient", lambda: type("Client", (), {"list": lambda self: states})())

    assert set(gateway.alive()) == {"ours"}


def test_no_database_destroys_nothing(lab, node):
    """F-12: While the database cannot be read the round fails before anything is done to a sandbox."""

    def away(execute, sql, params, many, context):
        raise OperationalError("could not connect to server")

    before = dict(node.sandboxes)
    with connection.execute_wrapper(away), pytest.raises(OperationalError):
        reconciler.run(confirmed=True)

    assert node.sandboxes == before and before


def test_a_node_that_does_not_answer_loses_nothing(lab, node, monkeypatch):
    """F-08: While the spawner is away no row is called lost."""

    def away():
        raise gateway.GatewayError("unavailable", None, "no spawner")

    monkeypatch.setattr(gateway, "alive", away)
    Sandbox.objects.update(changed_at=timezone.now() - timedelta(minutes=1))
    reconciler.run()

    assert set(Sandbox.objects.values_list("status", flat=True)) == {"running"}


@pytest.mark.parametrize("hours", [1, -1, 24, 24 * 365])
def test_a_clock_that_is_set_ends_nothing(lab, node, monkeypatch, hours):
    """F-17: However the wall clock is set, a lab has as much time left afterwards as before, and is not idle."""
    reconciler.run()
    left = lab.expires_at - timezone.now()
    real = timezone.now
    ahead = clock.offset()
    monkeypatch.setattr(clock, "offset", lambda: ahead + hours * 3600)
    monkeypatch.setattr("django.utils.timezone.now", lambda: real() + timedelta(hours=hours))
    reconciler.run()
    lab.refresh_from_db()

    assert lab.ended_at is None
    assert abs((lab.expires_at - timezone.now()) - left) < timedelta(seconds=5)
    assert abs(lab.active_at - timezone.now()) < timedelta(seconds=5)


def test_unminded_the_same_step_ends_it(lab, node, monkeypatch):
    """F-17: Without the look at the clock, an hour ahead is the end: the test above can fail."""
    real = timezone.now
    monkeypatch.setattr(reconciler, "mind_the_clock", lambda: None)
    monkeypatch.setattr("django.utils.timezone.now", lambda: real() + timedelta(hours=1, minutes=1))
    reconciler.run()
    lab.refresh_from_db()

    assert lab.ended_at is not None


def test_sleep_is_not_a_step(lab, node, monkeypatch):
    """F-18: A machine that slept for two hours was not set: CLOCK_BOOTTIME went on, labs end, once, and stay ended."""
    reconciler.run()
    real, booted = timezone.now, time.clock_gettime
    monkeypatch.setattr("django.utils.timezone.now", lambda: real() + timedelta(hours=2))
    monkeypatch.setattr(time, "clock_gettime", lambda kind: booted(kind) + 7200)
    monkeypatch.setattr(time, "time", lambda before=time.time: before() + 7200)
    reconciler.run()
    first = LabSession.objects.get(pk=lab.pk)
    reconciler.run()
    lab.refresh_from_db()

    assert (lab.end_reason, lab.ended_at) == ("deadline", first.ended_at)


def test_small_adjustments_are_left_alone(lab, node, monkeypatch):
    """F-17: NTP's seconds shift nothing."""
    reconciler.run()
    ahead = clock.offset()
    monkeypatch.setattr(clock, "offset", lambda: ahead + 5)

    assert clock.stepped(reconciler.boot_id()) == timedelta(0)
