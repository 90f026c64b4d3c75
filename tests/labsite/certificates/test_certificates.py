"""Certificates: for who finished, in the name she gives, true for anybody with the code."""

import pytest
from django.urls import reverse

from labsite.certificates import services
from labsite.certificates.models import ALPHABET, Certificate, new_code, normal
from lessons.models import Progress

SUBJECT = "containers/namespaces"


@pytest.fixture
def finish(lesson):
    """Pass every task of the lesson."""

    def act(user):
        for step in lesson.steps:
            for task in step.tasks:
                Progress.objects.note(user, lesson, step.id, task.id)

    return act


@pytest.fixture
def certificate(learner, finish):
    finish(learner)
    return services.issue(learner, SUBJECT, "Lena Lemke")


def test_only_what_is_finished(learner, lesson, finish):
    """All tasks but one are not all; a lesson is not its course."""
    finish(learner)
    last = Progress.objects.order_by("pk").last()
    last.delete()
    assert [] == services.finished(learner)
    finish(learner)

    assert [SUBJECT] == [each.subject for each in services.finished(learner)]
    assert services.issue(learner, "containers", "Lena") is None


def test_a_course_is_all_its_lessons(learner):
    """With the last task of the last lesson the course is there too."""
    from lessons import catalog

    for lesson in catalog.course("containers").lessons:
        for step in lesson.steps:
            for task in step.tasks:
                Progress.objects.note(learner, lesson, step.id, task.id)

    assert "containers" in [each.subject for each in services.finished(learner)]
    assert services.issue(learner, "containers", "Lena").is_course


def test_anybody_with_the_code_sees_name_title_and_day(client, certificate):
    """And nothing else of the person: no user name; no button to change it."""
    page = client.get(reverse("certificates:show", args=[certificate.code.lower()])).content.decode()

    assert "Lena Lemke" in page and certificate.title in page and certificate.code in page
    assert "lena" not in page.replace("Lena Lemke", "") and "danger" not in page


def test_a_code_may_be_typed_carelessly(client, certificate):
    """Lower case, without dashes, O for 0 and I for 1: it is found. Another code is not."""
    careless = certificate.code.lower().replace("-", " ").replace("0", "o").replace("1", "i")
    answer = client.get(reverse("certificates:mine"), {"code": careless})

    assert reverse("certificates:show", args=[certificate.code]) == answer["Location"]
    assert 404 == client.get(reverse("certificates:mine"), {"code": new_code()}).status_code
    assert 404 == client.get(reverse("certificates:show", args=["nothing"])).status_code


def test_codes_cannot_be_guessed():
    """A hundred bits, of letters that can be read aloud."""
    codes = {new_code() for _ in range(500)}

    assert 500 == len(codes) and {23} == {len(code) for code in codes}
    assert set("".join(codes)) - {"-"} <= set(ALPHABET)
    assert all(code == normal(code) for code in codes)


def test_it_cannot_be_had_without_finishing(client, learner, stranger, finish):
    """A form sent by hand makes none, neither signed out nor for another's work."""
    finish(learner)
    for user in (None, stranger):
        if user:
            client.force_login(user)
        answer = client.post(reverse("certificates:issue"), {"subject": SUBJECT, "name": "Otto"})
        assert 404 == answer.status_code
    assert not Certificate.objects.exists()


@pytest.mark.parametrize("name", ["", " ", "\u202eanel", "a\x00b", "123", "x" * 81])
def test_a_name_is_visible_letters(client, learner, finish, name):
    """Nothing that turns the line around, hides, or is no name."""
    finish(learner)
    client.force_login(learner)

    assert 400 == client.post(reverse("certificates:issue"), {"subject": SUBJECT, "name": name}).status_code


def test_a_name_is_text(client, learner, finish):
    """Markup in a name is printed as it is written."""
    finish(learner)
    client.force_login(learner)
    answer = client.post(reverse("certificates:issue"), {"subject": SUBJECT, "name": "<b>Lena</b> 王"}, follow=True)

    assert b"<b>Lena</b>" not in answer.content and "&lt;b&gt;Lena&lt;/b&gt; 王" in answer.content.decode()


def test_the_name_can_be_changed_and_the_whole_deleted(client, certificate, learner, stranger):
    """By its owner only; the code stays, and dies with the certificate."""
    delete = reverse("certificates:delete", args=[certificate.code])
    client.force_login(stranger)
    assert 404 == client.post(delete).status_code
    client.force_login(learner)
    client.post(reverse("certificates:issue"), {"subject": SUBJECT, "name": "Lena Lange"})
    assert ("Lena Lange", certificate.code) == Certificate.objects.values_list("name", "code").get()
    client.post(delete)

    assert 404 == client.get(reverse("certificates:show", args=[certificate.code])).status_code


def test_in_both_languages(client, certificate):
    """The sheet and the title are in the reader's language."""
    for language, words in (("en", "Certificate of completion"), ("zh-hans", "结业证书")):
        client.cookies["django_language"] = language
        page = client.get(reverse("certificates:show", args=[certificate.code])).content.decode()

        assert words in page and certificate.titles[language] in page
