"""Progress is kept when labs are gone."""

import pytest
from django.contrib.auth import get_user_model

from lessons import catalog
from lessons.models import Progress


@pytest.mark.django_db
def test_a_task_is_noted_once():
    """Doing it again changes nothing; a stranger has her own progress."""
    users = get_user_model().objects
    learner, stranger = users.create(username="learner"), users.create(username="stranger")
    lesson = catalog.get("containers", "namespaces")

    assert Progress.objects.note(learner, lesson, "uts", "renamed")
    assert not Progress.objects.note(learner, lesson, "uts", "renamed")
    assert Progress.objects.done(learner, lesson) == {"renamed"}
    assert Progress.objects.done(stranger, lesson) == set()
