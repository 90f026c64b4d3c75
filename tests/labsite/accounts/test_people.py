"""Guests, accounts and tokens."""

import pytest

from labsite.accounts.models import ApiToken, User
from tests.labsite.conftest import LESSON

pytestmark = pytest.mark.django_db
PASSWORD = {"password1": "correct horse battery", "password2": "correct horse battery"}


def test_signing_up_keeps_what_the_guest_did(client, node):
    """A guest who signs up keeps her row, and so her labs."""
    client.post("/labs/", {"lesson": LESSON})
    guest = User.objects.get()

    client.post("/accounts/sign-up/", {"username": "lena", **PASSWORD})
    guest.refresh_from_db()

    assert (guest.username, guest.is_guest) == ("lena", False)
    assert guest.check_password(PASSWORD["password1"])
    assert guest.labs.count() == 1


def test_a_taken_name_is_refused(client, learner):
    """A refused sign-up changes nobody."""
    answer = client.post("/accounts/sign-up/", {"username": "lena", **PASSWORD})

    assert answer.status_code == 200
    assert User.objects.count() == 1


def test_guessing_is_stopped(client, learner, settings):
    """A-01: After some wrong passwords even the right one is refused for a while."""
    for _ in range(settings.AXES_FAILURE_LIMIT):
        client.post("/accounts/sign-in/", {"username": "lena", "password": "wrong"})

    answer = client.post("/accounts/sign-in/", {"username": "lena", "password": "a long enough one"})

    assert answer.status_code == 429


def test_a_token_is_kept_as_a_digest(learner):
    """The database cannot give a token away; a disabled user's token is dead."""
    text = ApiToken.issue(learner)

    assert text not in ApiToken.objects.get().digest
    assert learner == ApiToken.find_user(text)
    User.objects.update(is_active=False)
    assert ApiToken.find_user(text) is None


@pytest.mark.parametrize("next_address", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_signing_in_never_leads_away(client, learner, next_address):
    """W-22: After signing in one stays on this site."""
    form = {"username": "lena", "password": "a long enough one", "next": next_address}

    assert client.post("/accounts/sign-in/", form).url == "/"
