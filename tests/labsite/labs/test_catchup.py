"""Coming back: what was passed in an earlier lab is done again in fresh machines, in its order, by the author's solutions."""

import pytest
from django.urls import reverse

from labsite.labs import catchup, checking, checks, services
from labsite.labs.lessonbook import of_lab
from labsite.labs.models import TaskResult
from lessons.contract import CheckResult, State
from lessons.models import Progress


@pytest.fixture
def typed(monkeypatch):
    """What would be typed; checks agree as long as `state` says so."""
    typed = []
    monkeypatch.setattr(catchup, "type_in", lambda place, script: typed.append(script.source))
    monkeypatch.setattr(checking, "enter", lambda *args: None)
    monkeypatch.setattr(checks, "mark_step", lambda *args: None)
    monkeypatch.setattr(checks, "run_check", lambda *args, **options: CheckResult(State.PASSED))
    return typed


@pytest.fixture
def passed(learner, lesson):
    """Lena passed everything of the first two steps, in a lab that is gone."""
    wanted = [(step, task) for step in lesson.steps[:2] for task in step.tasks]
    for step, task in wanted:
        Progress.objects.note(learner, lesson, step.id, task.id)
    return wanted


def ask(client, learner, lab, step):
    client.force_login(learner)
    return client.post(reverse("api:catch_up", args=[lab.code, step]), {}, "application/json")


def test_every_task_before_the_step_in_order(client, learner, lab, lesson, passed, typed):
    """Each solution once, with the values of this attempt, and each is noted as passed in this lab."""
    solved = [(step.id, task.id) for step, task in passed if task.solution]
    wanted = [task.solution.source for step in of_lab(lab).steps[:2] for task in step.tasks if task.solution]
    answer = ask(client, learner, lab, lesson.steps[2].id)

    assert (202, len(solved)) == (answer.status_code, answer.json()["tasks"])
    assert wanted == typed
    assert set(solved) == set(TaskResult.objects.filter(lab=lab).values_list("step", "task"))
    assert 409 == ask(client, learner, lab, lesson.steps[2].id).status_code


def test_nobody_is_given_what_she_has_not_done(client, learner, lab, lesson, typed):
    """A task she never passed is not solved for her."""
    assert 409 == ask(client, learner, lab, lesson.steps[2].id).status_code
    assert [] == typed


def test_it_stops_where_a_check_does_not_agree(client, learner, lab, lesson, passed, typed, monkeypatch):
    """Then the page says at which task, and what comes after it is not done on top of it."""
    monkeypatch.setattr(catchup, "PATIENCE", 0.0)
    monkeypatch.setattr(checks, "run_check", lambda *args, **options: CheckResult(State.NOT_YET))
    ask(client, learner, lab, lesson.steps[2].id)

    assert 1 == len(typed) and not TaskResult.objects.filter(lab=lab).exists()


def test_only_ones_own_lab_and_a_real_step(client, learner, stranger, lab, lesson, passed):
    """T-04: A stranger finds nothing; neither does she for a step that is not there."""
    assert 404 == ask(client, stranger, lab, lesson.steps[2].id).status_code
    assert 404 == ask(client, learner, lab, "no-such").status_code


def test_not_in_an_ended_lab(client, learner, lab, lesson, passed, django_capture_on_commit_callbacks):
    """There are no machines."""
    with django_capture_on_commit_callbacks(execute=True):
        services.end_lab(lab, "user")

    assert ask(client, learner, lab, lesson.steps[2].id).status_code in (404, 409, 410)
