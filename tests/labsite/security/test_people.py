"""Signing in as an attacker would have it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.conf import settings as configured
from django.test import Client
from django.utils import timezone

from labsite.accounts.models import User
from labsite.labs import access
from labsite.labs.models import LabSession
from tests.labsite.conftest import LESSON
from tests.labsite.labs.test_pages import signed_in

pytestmark = pytest.mark.django_db
LENA = {"username": "lena", "password": "a long enough one"}


def session_of(client: Client) -> str:
    """The key a browser's cookie holds."""
    cookie = client.cookies.get(configured.SESSION_COOKIE_NAME)
    return cookie.value if cookie else ""


def test_a_planted_session_is_not_used(client, learner):
    """W-04: A key that an attacker set before the sign-in is another one after it, and was never hers."""
    client.cookies[configured.SESSION_COOKIE_NAME] = "planted" + "0" * 25
    client.post("/accounts/sign-in/", LENA)

    assert session_of(client) and "planted" not in session_of(client)


def test_a_guest_s_session_is_changed_by_signing_in(client, learner, node):
    """W-04, T-14: The key of the guest dies with the sign-in: whoever saw it has nothing."""
    client.post("/labs/", {"lesson": LESSON})
    old = session_of(client)
    client.post("/accounts/sign-in/", LENA)
    thief = Client()
    thief.cookies[configured.SESSION_COOKIE_NAME] = old
    code = LabSession.objects.get().code

    assert session_of(client) != old
    assert thief.get(f"/labs/{code}/").status_code == 404
    assert client.get(f"/labs/{code}/").status_code == 200


def test_a_lab_goes_to_the_first_who_signs_in(client, learner, stranger, node):
    """T-14: A guest's lab follows into Lena's account; whoever signs in next in that browser does not see it."""
    client.post("/labs/", {"lesson": LESSON})
    client.post("/accounts/sign-in/", LENA)
    client.post("/accounts/sign-out/")
    client.post("/accounts/sign-in/", {"username": "otto", "password": "another long one"})
    lab = LabSession.objects.get()

    assert lab.user == learner
    assert client.get(f"/labs/{lab.code}/").status_code == 404
    assert access.lab_for(stranger, lab.code) is None


def test_a_disabled_user_is_out_at_once(lab, learner):
    """W-02: Her open session ends with her right to come in."""
    client = signed_in(learner)
    User.objects.filter(pk=learner.pk).update(is_active=False)

    assert client.get(f"/labs/{lab.code}/").status_code == 404


def test_guessing_does_not_tell_who_exists(client, learner):
    """A-01: A wrong password and a wrong name get the same words and the same status, and both cost a hash."""
    answers = []
    for name in ("lena", "nobody"):
        page = client.post("/accounts/sign-in/", {"username": name, "password": "wrong"})
        answers.append((page.status_code, page.content.decode().replace(f'value="{name}"', "")))
        answers[-1] = (answers[-1][0], _without_token(answers[-1][1]))

    assert answers[0] == answers[1]


def _without_token(text: str) -> str:
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", text)


def test_an_account_is_not_guessed_from_many_addresses(learner, settings):
    """A-01: One password from each of many addresses: the account is closed to guessing, whoever asks."""
    settings.GUESSES_PER_ACCOUNT = 15
    for number in range(16):
        address = f"198.51.100.{number}"
        last = Client().post("/accounts/sign-in/", {"username": "lena", "password": f"wrong{number}"}, REMOTE_ADDR=address)

    assert last.status_code == 429


def test_an_address_does_not_try_many_accounts(db, settings):
    """A-01: One wrong password for each of many names from one address: it is turned away."""
    settings.GUESSES_PER_ADDRESS = 15
    for number in range(16):
        last = Client().post(
            "/accounts/sign-in/", {"username": f"user{number}", "password": "summer"}, REMOTE_ADDR="198.51.100.7"
        )

    assert last.status_code == 429


def test_a_class_behind_one_address_may_mistype(learner, db):
    """A-01: Twenty people of one network who each mistype once do not lock each other out."""
    for number in range(20):
        Client().post("/accounts/sign-in/", {"username": f"pupil{number}", "password": "typo"}, REMOTE_ADDR="198.51.100.7")

    assert Client().post("/accounts/sign-in/", LENA, REMOTE_ADDR="198.51.100.7").status_code == 302


@pytest.mark.parametrize("wanted", ["//evil.example", "https:evil.example", "/\\evil.example", "\\\\evil.example", "http:///evil.example",
                                    "javascript:alert(1)", "\x00//evil.example", "https://localhost@evil.example"])  # fmt: skip
def test_no_address_of_next_leads_away(client, learner, wanted):
    """W-22: However it is spelt, one stays on this site: signing in, up, and changing the language."""
    answers = [
        client.post("/language/", {"language": "en", "next": wanted}),
        client.post("/accounts/sign-in/", {**LENA, "next": wanted}),
    ]

    assert {answer.url for answer in answers} == {"/"}


def test_a_session_that_is_over_opens_nothing(lab, learner):
    """W-02: An expired cookie session is nobody's."""
    client = signed_in(learner)
    session = client.session
    session.set_expiry(timezone.now() - timedelta(seconds=1))
    session.save()

    assert client.get(f"/labs/{lab.code}/").status_code == 404
