"""Progress is kept when labs are gone."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from lessons import catalog
from lessons.models import Bookmark, Progress, hand_over

pytestmark = pytest.mark.django_db


@pytest.fixture
def learner():
    """She learns."""
    return get_user_model().objects.create(username="learner")


@pytest.fixture
def stranger():
    """He has nothing to do with her."""
    return get_user_model().objects.create(username="stranger")


@pytest.fixture
def lesson():
    """A lesson that exists."""
    return catalog.get("containers", "namespaces")


def test_a_task_is_noted_once(learner, stranger, lesson):
    """Doing it again changes nothing; a stranger has his own progress."""
    assert Progress.objects.note(learner, lesson, "uts", "renamed")
    assert not Progress.objects.note(learner, lesson, "uts", "renamed")
    assert Progress.objects.done(learner, lesson) == {"renamed"}
    assert Progress.objects.done(stranger, lesson) == set()


def test_a_question_is_no_task(learner, lesson):
    """A question may bear a task's id; each is noted for itself."""
    Progress.objects.note(learner, lesson, "uts", "renamed", kind="quiz")

    assert Progress.objects.done(learner, lesson, "quiz") == {"renamed"}
    assert Progress.objects.done(learner, lesson) == set()


def test_a_bookmark_moves(learner, stranger, lesson):
    """A lesson has one bookmark for each learner, where she was last."""
    for step in ("look", "uts"):
        Bookmark.objects.put(learner, lesson, step)

    assert Bookmark.objects.step_of(learner, lesson) == "uts"
    assert Bookmark.objects.step_of(stranger, lesson) == ""


def test_progress_is_handed_over(learner, stranger, lesson):
    """Who signs in keeps what she did as a guest and what the account had; the later bookmark stays."""
    guest, user = learner, stranger
    for who, task in ((guest, "renamed"), (user, "renamed"), (guest, "identity"), (user, "other")):
        Progress.objects.note(who, lesson, "uts", task)
    Bookmark.objects.put(user, lesson, "look")
    Bookmark.objects.put(guest, lesson, "uts")
    Bookmark.objects.filter(user=user).update(at=timezone.now() - timedelta(days=1))

    hand_over(guest, user)

    assert Progress.objects.done(user, lesson) == {"renamed", "identity", "other"}
    assert Bookmark.objects.step_of(user, lesson) == "uts"


def test_an_older_bookmark_of_a_guest_yields(learner, stranger, lesson):
    """The account's own bookmark stays if she was there later."""
    Bookmark.objects.put(learner, lesson, "look")
    Bookmark.objects.put(stranger, lesson, "uts")

    hand_over(learner, stranger)

    assert Bookmark.objects.step_of(stranger, lesson) == "uts"
