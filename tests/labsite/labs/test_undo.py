"""A step can be begun again: its beginning is kept once, gone back to, and gone with the lab."""

import pytest
from django.urls import reverse

from labsite.labs import checks, services, undo
from labsite.labs.checking import set_up_step
from labsite.labs.models import Sandbox, Status


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """What a step sets up is not the subject here."""
    monkeypatch.setattr(checks, "mark_step", lambda machines, step: None)
    monkeypatch.setattr(checks, "enter_step", lambda *args, **options: None)


@pytest.fixture
def box(lab):
    return Sandbox.objects.select_related("lab").get(lab=lab, index=0)


@pytest.fixture
def ask(client, learner, lab, django_capture_on_commit_callbacks):
    """Begin a step again by the API."""
    client.force_login(learner)

    def act(step):
        with django_capture_on_commit_callbacks(execute=True):
            return client.post(reverse("api:undo", args=[lab.code, step]), {}, "application/json")

    return act


def opened(lab, *steps):
    for step in steps:
        set_up_step(lab.code, step.id)


def test_a_beginning_is_kept_once(lab, node, lesson, box):
    """Each step but the first, when it is first opened; coming back to it changes nothing."""
    one, two, three, *_ = lesson.steps
    opened(lab, one, two, three, two)

    assert [undo.name_of(two.id), undo.name_of(three.id)] == node.snapshots(box.runtime_id)


def test_a_step_is_begun_again(lab, node, lesson, box, ask):
    """The machine is made anew from what was kept; what came later is forgotten, and files are not brought again."""
    one, two, three, *_ = lesson.steps
    opened(lab, one, two, three)
    answer = ask(two.id)
    box.refresh_from_db()

    assert (202, Status.RUNNING) == (answer.status_code, box.status)
    assert f"{box.runtime_id}/{undo.name_of(two.id)}" == node.requests[-1]["snapshot"]
    assert [undo.name_of(two.id)] == node.snapshots(box.runtime_id)


def test_what_was_kept_is_not_prepared_again(lab, node, lesson, ask, monkeypatch):
    """The lesson's files and setup are in it."""
    prepared = []
    monkeypatch.setattr("labsite.labs.tasks.prepare", prepared.append)
    opened(lab, *lesson.steps[:2])

    ask(lesson.steps[1].id)
    assert [] == prepared
    ask(lesson.steps[0].id)
    assert 1 == len(prepared) and "snapshot" not in node.requests[-1]


def test_a_fresh_machine_is_fresh(lab, node, lesson, box, ask, django_capture_on_commit_callbacks):
    """Reset begins from the image; nothing is kept of what was before, only how the open step begins now."""
    opened(lab, *lesson.steps[:2])
    ask(lesson.steps[1].id)
    opened(lab, lesson.steps[2])
    box.refresh_from_db()
    with django_capture_on_commit_callbacks(execute=True):
        services.reset(box)

    assert "snapshot" not in node.requests[-1] and [undo.name_of(lesson.steps[2].id)] == node.snapshots(box.runtime_id)


def test_the_end_of_a_lab_forgets(lab, node, lesson, box, django_capture_on_commit_callbacks):
    """Nothing of a lab that has ended stays on the node."""
    opened(lab, *lesson.steps[:3])
    with django_capture_on_commit_callbacks(execute=True):
        services.end_lab(lab, "user")

    assert [] == node.snapshots(box.runtime_id)


def test_refusals_say_why(lab, node, lesson, box, ask):
    """A step that is not there, one that was never opened, a machine that is being made."""
    assert (404, "no-step") == (ask("none").status_code, ask("none").json()["code"])
    assert (409, "not-kept") == (ask(lesson.steps[1].id).status_code, ask(lesson.steps[1].id).json()["code"])
    box.move(Status.RUNNING, to=Status.STARTING)
    assert "busy" == ask(lesson.steps[0].id).json()["code"]


def test_a_stranger_finds_nothing(lab, client, stranger, lesson):
    """The door is the same as everywhere."""
    client.force_login(stranger)

    assert 404 == client.post(reverse("api:undo", args=[lab.code, lesson.steps[0].id]), {}, "application/json").status_code
