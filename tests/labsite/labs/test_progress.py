"""What was done stays: for the next lab, on the map, and through signing in."""

import json

import pytest
from django.test import Client

from labsite.accounts.models import User
from labsite.labs import checking, progress, services
from labsite.labs.models import LabSession
from lessons.models import Bookmark, Progress
from tests.labsite.conftest import LESSON
from tests.labsite.labs.test_pages import signed_in

pytestmark = pytest.mark.django_db
PASSWORD = {"password1": "correct horse battery", "password2": "correct horse battery"}


@pytest.fixture
def first(lesson):
    """(step, task) of the first task there is."""
    step = next(each for each in lesson.steps if each.tasks)
    return step, step.tasks[0]


def boot_of(client, lab) -> dict:
    """What the lab's page begins with."""
    return client.get(f"/labs/{lab.code}/").context["boot"]


def answer(client, path: str, chosen: list[str]) -> dict:
    """Answer a question."""
    return client.post(path, json.dumps({"chosen": chosen}), content_type="application/json").json()


def test_the_next_lab_begins_with_what_was_done(lab, learner, first, open_lab):
    """A task passed in a lab that ended is done in the next one, and the page opens at the same step."""
    step, task = first
    checking.record(lab, step.id, task, "passed", "")
    progress.step_opened(lab, step.id)
    services.end_lab(lab, "idle")

    boot = boot_of(signed_in(learner), open_lab(learner))

    assert boot["at"] == step.id
    assert (step.id, task.id, True, "earlier") in [(r["step"], r["task"], r["passed"], r["state"]) for r in boot["progress"]]


def test_a_failing_check_takes_nothing_away(lab, learner, first, open_lab):
    """In a fresh machine the check fails again; the task stays done."""
    step, task = first
    checking.record(lab, step.id, task, "passed", "")
    services.end_lab(lab, "idle")
    again = open_lab(learner)
    checking.record(again, step.id, task, "failed", "not yet")

    assert all(each["passed"] for each in boot_of(signed_in(learner), again)["progress"])


def test_the_map_shows_what_was_done(lab, learner, first):
    """A passed task counts on the home page, for the one who passed it."""
    step, task = first
    checking.record(lab, step.id, task, "passed", "")

    def done(client):
        lessons = [each for course in client.get("/").context["courses"] for each in course.lessons]
        return next(each.progress.done for each in lessons if f"{each.course}/{each.slug}" == lab.lesson)

    assert (done(signed_in(learner)), done(Client())) == (1, 0)


def test_an_unknown_step_is_no_bookmark(lab, learner):
    """A page may say what it likes; only steps of the lesson are remembered."""
    progress.step_opened(lab, "nowhere")

    assert not Bookmark.objects.exists()


def test_an_answered_question_is_remembered(lab, learner, lesson):
    """A right answer is kept, a wrong one is not, and a visitor's is not kept at all."""
    quiz = next(each for each in lesson.quizzes if each.kind == "one")
    right = [option.id for option in quiz.options if option.right]
    path, client = f"/api/v1/labs/{lab.code}/quizzes/{quiz.id}", signed_in(learner)

    answer(client, path, ["nonsense"])
    assert not Progress.objects.exists()
    assert answer(client, path, right)["correct"]
    assert answer(Client(), f"/api/v1/lessons/{LESSON}/quizzes/{quiz.id}", right)["correct"]

    assert [quiz.id] == boot_of(client, lab)["answered"]
    assert [learner] == [row.user for row in Progress.objects.all()]


def test_a_guest_signs_in_and_keeps_everything(client, node, learner, first):
    """T-14: Progress and open labs of a guest follow into the account; the guest is gone."""
    step, task = first
    client.post("/labs/", {"lesson": LESSON})
    lab = LabSession.objects.get()
    checking.record(lab, step.id, task, "passed", "")

    client.post("/accounts/sign-in/", {"username": "lena", "password": "a long enough one"})
    lab.refresh_from_db()

    assert (learner, False) == (lab.user, User.objects.filter(is_guest=True).exists())
    assert [task.id] == [row.item for row in learner.progress.all()]
    assert client.get(f"/labs/{lab.code}/").status_code == 200


def test_a_wrong_password_moves_nothing(client, node, learner):
    """T-14: Only who proves to be Lena gives her a guest's things."""
    client.post("/labs/", {"lesson": LESSON})

    client.post("/accounts/sign-in/", {"username": "lena", "password": "wrong"})

    assert LabSession.objects.get().user.is_guest


def test_a_guest_signs_up_and_keeps_everything(client, node, first):
    """The guest's own row becomes the account."""
    step, task = first
    client.post("/labs/", {"lesson": LESSON})
    checking.record(LabSession.objects.get(), step.id, task, "passed", "")

    client.post("/accounts/sign-up/", {"username": "lena", **PASSWORD})

    assert [task.id] == [row.item for row in User.objects.get(username="lena").progress.all()]
