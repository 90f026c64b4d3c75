"""What every answer carries, and what a request may not carry."""

from __future__ import annotations

import importlib
import re

import pytest
from django.conf import settings as configured
from django.test import Client

from labsite import settings as module
from tests.labsite.labs.test_pages import signed_in

pytestmark = pytest.mark.django_db
PAGES = ["/", "/lessons/containers/namespaces/", "/accounts/sign-in/", "/accounts/sign-up/", "/no-such-page", "/admin/login/"]


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "localhost:8000@evil.example", "", "[::1]%0d", "a b"])
def test_a_foreign_host_is_refused(client, host):
    """W-05: A Host that is not ours is 400, before anything is made of it."""
    assert client.get("/", headers={"Host": host}).status_code == 400 or not host


def test_no_link_is_made_of_a_forwarded_host(client, lab, learner):
    """W-05: X-Forwarded-Host and its like change no address on any page."""
    evil = {"X-Forwarded-Host": "evil.example", "X-Original-Host": "evil.example", "Forwarded": "host=evil.example"}
    signed = signed_in(learner)
    for path in (*PAGES, f"/labs/{lab.code}/", f"/api/v1/labs/{lab.code}"):
        assert b"evil.example" not in signed.get(path, headers=evil).content, path


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_fenced(client, path):
    """W-23, W-11: No frame, no referrer, no other window; scripts and styles of our own or with the page's nonce only."""
    answer = client.get(path)
    policy = dict(part.strip().partition(" ")[::2] for part in answer["Content-Security-Policy"].split(";"))

    assert (policy["default-src"], policy["script-src"], policy["frame-ancestors"]) == ("'none'", "'self'", "'none'")
    assert (policy["base-uri"], policy["form-action"], policy["object-src"]) == ("'none'", "'self'", "'none'")
    assert not re.search(r"unsafe|\*|https?:", answer["Content-Security-Policy"])
    assert set(policy["connect-src"].split()) == {"'self'", *configured.WS_SOURCES}
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in answer["Permissions-Policy"]


def test_nothing_is_inline(client, lab, learner):
    """W-11: No page has an inline script, a handler, or a style that the policy would have to let in."""
    signed = signed_in(learner)
    for path in (*PAGES[:4], f"/labs/{lab.code}/"):
        text = signed.get(path).content.decode()
        assert not re.search(r"<[^>]+\s(on\w+|style)\s*=", text), path
        scripts = re.findall(r"<script(?![^>]*\ssrc=)([^>]*)>", text)
        assert all(re.search('type="(application/json"|importmap" nonce=)', each) for each in scripts), path
        assert "<style" not in text


def test_a_nonce_is_used_once(lab, learner):
    """W-11: The nonce of styles differs from page to page and is the one the page's script knows."""
    signed = signed_in(learner)
    seen = set()
    for _ in range(2):
        answer = signed.get(f"/labs/{lab.code}/")
        nonce = re.search(r"style-src 'self' 'nonce-([^']+)'", answer["Content-Security-Policy"])[1]
        assert f'nonce="{nonce}"' in answer.content.decode()
        seen.add(nonce)

    assert len(seen) == 2


@pytest.fixture
def over_https(monkeypatch):
    """The settings of a site whose origins are https."""
    monkeypatch.setenv("VITRINE_ORIGINS", "https://labs.example.org")
    yield importlib.reload(module)
    monkeypatch.undo()
    importlib.reload(module)


def test_cookies_are_for_this_host_only(over_https, client):
    """W-06: Over TLS cookies are Secure, bear __Host- and no domain; scripts read no session; other sites send none."""
    assert (over_https.SESSION_COOKIE_NAME, over_https.CSRF_COOKIE_NAME) == ("__Host-sessionid", "__Host-csrftoken")
    assert over_https.SESSION_COOKIE_SECURE and over_https.CSRF_COOKIE_SECURE and over_https.SECURE_HSTS_SECONDS > 10**7
    assert not hasattr(over_https, "SESSION_COOKIE_DOMAIN")


def test_a_session_is_not_for_scripts(client, learner):
    """W-06: HttpOnly and SameSite on the session as it is sent."""
    client.post("/accounts/sign-in/", {"username": "lena", "password": "a long enough one"})
    session = client.cookies[configured.SESSION_COOKIE_NAME]

    assert (session["httponly"], session["samesite"], session["path"], session["domain"]) == (True, "Lax", "/", "")


def test_the_admin_is_for_staff(client, learner, settings):
    """W-24: To others the admin is a sign-in; guessing there is stopped as anywhere."""
    assert client.get("/admin/accounts/user/").status_code == 302
    signed = signed_in(learner)
    assert signed.get("/admin/accounts/user/").status_code == 302
    assert signed.post("/admin/accounts/user/add/", {"username": "x"}).status_code == 302
    for _ in range(settings.AXES_FAILURE_LIMIT):
        client.post("/admin/login/", {"username": "lena", "password": "wrong"})

    assert client.post("/admin/login/", {"username": "lena", "password": "a long enough one"}).status_code == 429


def test_a_staff_member_cannot_make_herself_more(learner):
    """W-24: Without the right to change users the admin's form makes nobody a superuser."""
    learner.is_staff = True
    learner.save()
    answer = signed_in(learner).post(f"/admin/accounts/user/{learner.pk}/change/", {"username": "lena", "is_superuser": "on"})
    learner.refresh_from_db()

    assert (answer.status_code, learner.is_superuser) == (403, False)


@pytest.mark.parametrize("fields", [101, 5000])
def test_a_form_of_many_fields_is_refused(fields):
    """A-11: More fields than any form has are 400, and not parsed."""
    assert Client().post("/accounts/sign-in/", {f"f{n}": "x" for n in range(fields)}).status_code == 400


def test_a_large_body_is_refused(learner):
    """A-04: A body above 1 MiB is refused by the site too, wherever it is sent."""
    client = signed_in(learner)
    for path in ("/accounts/sign-in/", "/labs/", "/language/"):
        answer = client.post(path, b"x=" + b"x" * (1 << 20), content_type="application/x-www-form-urlencoded")
        assert answer.status_code in (400, 413), (path, answer.status_code)
    assert client.post("/api/v1/labs", b"x" * ((1 << 20) + 1), content_type="application/json").status_code == 413
