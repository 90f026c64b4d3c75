"""A lab from its request to its end."""

from datetime import timedelta

import pytest
from django.utils import timezone

from labsite.labs import gateway, limits, reconciler, services, tasks
from labsite.labs.models import LabSession, Sandbox, Status

pytestmark = pytest.mark.django_db


def status(lab: LabSession) -> list[str]:
    """The statuses of a lab's machines."""
    return list(Sandbox.objects.filter(lab=lab).values_list("status", flat=True))


def test_an_opened_lab_runs(lab, node):
    """Opening a lab makes every machine of its lesson."""
    assert {Status.RUNNING} == set(status(lab))
    assert {each.runtime_id for each in lab.sandboxes.all()} == set(node.sandboxes)


def test_the_timed_steps_are_kept(lab):
    """What the runtime says it did is in the row, for the page's drawing."""
    assert lab.sandboxes.first().timings[0]["name"] == "clone"


def test_opening_again_gives_the_same_lab(lab, open_lab, learner):
    """A-03: A learner who comes back finds the lab she left."""
    assert lab == open_lab(learner)


def test_ending_takes_the_machines_back(lab, node, django_capture_on_commit_callbacks):
    """An ended lab has nothing on the node; ending it twice changes nothing."""
    with django_capture_on_commit_callbacks(execute=True):
        assert services.end_lab(lab, "user")

    assert {Status.STOPPED} == set(status(lab))
    assert node.sandboxes == {}
    assert not services.end_lab(lab, "idle")


def test_two_workers_one_creation(lab, node):
    """A-03, F-04: A start that is delivered twice makes one machine."""
    sandbox = lab.sandboxes.first()

    tasks.start_sandbox(lab.code, sandbox.name)

    assert node.created.count(sandbox.runtime_id) == 1


def test_a_stale_row_moves_nothing(lab):
    """F-04: A worker that holds an old row cannot overwrite what another did since."""
    stale, fresh = Sandbox.objects.get(lab=lab, index=0), Sandbox.objects.get(lab=lab, index=0)

    assert fresh.move(Status.RUNNING, to=Status.STOPPING)
    assert not stale.move(Status.RUNNING, Status.STOPPING, to=Status.LOST)


def test_a_failure_says_step_and_reason(node, open_lab, learner):
    """When creation is refused the row has the step and the reason."""
    node.failure = gateway.GatewayError("step", "mount overlay", "ENOSPC")

    sandbox = open_lab(learner).sandboxes.first()

    assert sandbox.status == Status.FAILED
    assert sandbox.error == {"code": "step", "step": "mount overlay", "message": "ENOSPC"}


def test_reset_gives_a_fresh_machine(lab, node, django_capture_on_commit_callbacks):
    """Reset removes the machine and makes it again under its name."""
    sandbox = Sandbox.objects.select_related("lab").get(lab=lab, index=0)
    with django_capture_on_commit_callbacks(execute=True):
        assert services.reset(sandbox)
    sandbox.refresh_from_db()

    assert (sandbox.status, node.created.count(sandbox.runtime_id)) == (Status.RUNNING, 2)


def test_a_full_node_makes_a_line(open_lab, learner, stranger, node, settings, lesson, django_capture_on_commit_callbacks):
    """R-32: On a full node a machine waits, is told its place, and starts when there is room."""
    settings.NODE_SANDBOXES = len(lesson.machines)
    first, second = open_lab(learner), open_lab(stranger)
    waiting = second.sandboxes.first()

    assert (waiting.status, waiting.place) == (Status.QUEUED, 1)

    with django_capture_on_commit_callbacks(execute=True):
        services.end_lab(first, "user")

    assert {Status.RUNNING} == set(status(second))


def test_guests_have_fewer_labs(open_lab, db, settings):
    """A-02: The limit of labs is refused with its name."""
    from labsite.accounts.models import User

    guest = User.objects.create_guest()
    settings.LABS_PER_GUEST = 0

    with pytest.raises(limits.LimitError, match="labs-per-user"):
        open_lab(guest)


def test_an_address_has_a_limit(open_lab, learner, stranger, settings):
    """A-02: However many users an address has, its labs are limited."""
    settings.LABS_PER_ADDRESS = 1
    open_lab(learner, "192.0.2.7")

    with pytest.raises(limits.LimitError, match="labs-per-address"):
        open_lab(stranger, "192.0.2.7")


def test_more_time_up_to_the_longest(lab, settings):
    """A-16: A lab is extended by half an hour until the longest is reached."""
    before = lab.expires_at
    settings.LAB_MAX_MINUTES = 70

    assert services.extend(lab)
    assert before < lab.expires_at <= lab.created_at + timedelta(minutes=70)
    assert not services.extend(lab)


@pytest.mark.parametrize("field, reason", [("expires_at", "deadline"), ("active_at", "idle")])
def test_overdue_and_idle_labs_end(lab, node, django_capture_on_commit_callbacks, field, reason):
    """R-31: The reconciler ends labs whose time is up or in which nobody types."""
    LabSession.objects.filter(pk=lab.pk).update(**{field: timezone.now() - timedelta(hours=3)})

    with django_capture_on_commit_callbacks(execute=True):
        reconciler.run()
    lab.refresh_from_db()

    assert (reason, {}) == (lab.end_reason, node.sandboxes)


def test_a_vanished_sandbox_is_lost(lab, node):
    """F-06: A row that says running while nothing is there becomes lost."""
    node.sandboxes.clear()
    Sandbox.objects.update(changed_at=timezone.now() - timedelta(seconds=10))

    reconciler.run()

    assert {Status.LOST} == set(status(lab))


def test_a_sandbox_in_which_nothing_runs_is_lost(lab, node, monkeypatch):
    """F-06: Its shim is there and its init, or its guest, has ended: the page is told so, and why."""
    monkeypatch.setattr(gateway, "how_it_ended", lambda sandbox: "off")
    for each in node.sandboxes.values():
        each["status"] = "stopped"
    Sandbox.objects.update(changed_at=timezone.now() - timedelta(seconds=10))

    reconciler.run()

    assert {(Status.LOST, "off")} == {(row.status, row.error["code"]) for row in lab.sandboxes.all()}


def test_a_sandbox_without_a_row_is_removed(lab, node):
    """What no live row wants is removed from the node."""
    node.sandboxes["0123456789ab-box"] = {"id": "0123456789ab-box"}

    reconciler.run()

    assert {each.runtime_id for each in lab.sandboxes.all()} == set(node.sandboxes)


def test_a_dead_worker_start_is_repeated(lab, node):
    """F-02, F-03: A start whose worker died is done again, from nothing."""
    old = timezone.now() - timedelta(minutes=5)
    Sandbox.objects.filter(lab=lab).update(status=Status.STARTING, lease_until=old)

    reconciler.run()

    assert {Status.RUNNING} == set(status(lab))


def test_a_lost_request_is_sent_again(lab, node):
    """F-03, F-09: A request whose task was lost is sent again."""
    node.sandboxes.clear()
    Sandbox.objects.filter(lab=lab).update(status=Status.REQUESTED, changed_at=timezone.now() - timedelta(minutes=5))

    reconciler.run()

    assert {Status.RUNNING} == set(status(lab))


@pytest.mark.parametrize("minutes, told", [(10, []), (18, ["idle"])])
def test_the_idle_are_told_before_it_is_too_late(lab, node, monkeypatch, django_capture_on_commit_callbacks, minutes, told):
    """Three minutes before an idle lab ends its pages are asked; an active one hears nothing."""
    said: list[dict] = []
    monkeypatch.setattr("labsite.labs.notify.send", lambda code, message: said.append(message))
    LabSession.objects.filter(pk=lab.pk).update(active_at=timezone.now() - timedelta(minutes=minutes))

    reconciler.run()

    assert told == [message["type"] for message in said]
    assert all(0 < message["seconds"] <= 180 for message in said)
