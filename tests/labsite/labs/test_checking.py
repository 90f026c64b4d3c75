"""Checks and saving, as the site carries them out."""

import json

import pytest
from django.test import Client

from labsite.labs import checking, checks, gateway, saving
from labsite.labs.models import TaskResult
from lessons.contract import CheckResult, State

pytestmark = pytest.mark.django_db


@pytest.fixture
def said(monkeypatch):
    """What was told to the page; and checks answer what the test wants."""
    told: list[dict] = []
    monkeypatch.setattr("labsite.labs.notify.send", lambda code, message: told.append(message))
    return told


def answer(monkeypatch, state: State, message: str = "") -> None:
    """Every check says this."""
    monkeypatch.setattr(checks, "run_check", lambda *_, **__: CheckResult(state, message))


def poll(lab) -> TaskResult | None:
    """One poll of the first automatic task."""
    checking.check_task(lab.code, "look", "identity", "en")
    return TaskResult.objects.filter(lab=lab, task="identity").first()


def test_a_poll_without_news_costs_no_writing(lab, said, monkeypatch):
    """The same answer again is neither stored nor told; another one is both."""
    answer(monkeypatch, State.NOT_YET, "no file")
    attempts = [poll(lab).attempts for _ in range(3)]
    answer(monkeypatch, State.NOT_YET, "another file")

    assert [attempts, poll(lab).attempts] == [[1, 1, 1], 2]
    assert ["no file", "another file"] == [message["message"] for message in said]


def test_a_check_that_cannot_tell_says_nothing(lab, said, monkeypatch):
    """77: the learner hears nothing, and nothing is kept."""
    answer(monkeypatch, State.CANNOT_TELL)

    assert poll(lab) is None and said == []


def signed_in(user) -> Client:
    """A browser of this user's."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def save(client: Client, lab, block: object, step: str = "look") -> tuple[int, dict]:
    """Ask for a block to be saved."""
    address = f"/api/v1/labs/{lab.code}/steps/{step}/save"
    answered = client.post(address, json.dumps({"block": block}), content_type="application/json")
    return answered.status_code, answered.json()


@pytest.fixture
def with_file(monkeypatch, lesson):
    """The lesson offers one file to save."""
    from dataclasses import replace

    from labsite.labs import lessonbook
    from lessons.catalog import Save

    first = replace(lesson.steps[0], actions=(Save("/root/app.conf", "a = 1\n"),))
    changed = replace(lesson, steps=(first, *lesson.steps[1:]))
    monkeypatch.setattr(lessonbook, "of_lab", lambda *_, **__: changed)


def test_a_block_is_saved_by_its_number_only(lab, learner, with_file, monkeypatch):
    """The page can ask for what the author wrote and for nothing else."""
    saved = []
    monkeypatch.setattr(saving, "save", lambda sandbox, block, user: saved.append((sandbox.name, block.path, user)))

    assert save(signed_in(learner), lab, 0) == (200, {"saved": "/root/app.conf"})
    assert saved == [("box", "/root/app.conf", "root")]
    assert [save(signed_in(learner), lab, wrong)[0] for wrong in (1, -1, True, "0", None, "/etc/passwd")] == [404] * 6
    assert save(signed_in(learner), lab, 0, "nowhere")[0] == 404


def test_a_stranger_saves_nothing(lab, stranger, with_file):
    """T-05: Not even that the lab exists is told."""
    assert save(signed_in(stranger), lab, 0)[0] == 404


@pytest.mark.parametrize(
    ("failure", "status", "words"),
    [
        (saving.SaveFailed("no line holds '# here'"), 409, "no line holds '# here'"),
        (gateway.GatewayError("unavailable", None, "x"), 503, "the machine does not answer"),
    ],
)
def test_a_refusal_says_why(lab, learner, with_file, monkeypatch, failure, status, words):
    """The machine's own words reach the learner."""

    def refuse(*_):
        raise failure

    monkeypatch.setattr(saving, "save", refuse)
    code, problem = save(signed_in(learner), lab, 0)

    assert (code, problem["detail"]) == (status, words)


def test_the_page_hears_when_a_step_is_prepared(lab, said, monkeypatch):
    """What a step sets up may take a while; its commands wait for the news, and a setup that fails is news as well."""
    ran: list[str] = []
    monkeypatch.setattr(checking.undo, "keep", lambda *_: None)
    monkeypatch.setattr(checks, "mark_step", lambda machines, step: ran.append(step.id))
    checking.set_up_step(lab.code, "look")

    def fails(machines, step):
        raise checks.SetupFailed("no")

    monkeypatch.setattr(checks, "mark_step", fails)
    checking.set_up_step(lab.code, "look")

    assert ran == ["look"]
    assert [{"type": "ready", "step": "look"}] * 2 == said
