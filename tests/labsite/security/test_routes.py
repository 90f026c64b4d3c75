"""Every address of the site is tried by a stranger and without a token: a new route cannot be forgotten."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from labsite.accounts.models import ApiToken
from labsite.labs import access
from labsite.labs.api.urls import urlpatterns as api
from labsite.labs.models import LabSession
from labsite.routing import websocket_urlpatterns
from tests.labsite.labs.test_pages import signed_in

pytestmark = pytest.mark.django_db
METHODS = ("get", "post", "put", "patch", "delete", "options")
HERS = {"code": "{code}", "name": "box", "machine": "box", "step": "look", "quiz": "one", "token": "x"}
TAKEN_WITHOUT_A_TOKEN = {"healthz", "metrics"}  # they answer GET only, and change nothing


def addresses(patterns: list, before: str = "") -> Iterator[tuple[str, str]]:
    """(address, name) of every route of the site but Django's own admin."""
    for each in patterns:
        route = before + str(each.pattern)
        if isinstance(each, URLResolver):
            if each.namespace != "admin":
                yield from addresses(each.url_patterns, route)
        elif isinstance(each, URLPattern) and "^" not in route:
            yield "/" + route, str(each.name)


def with_code(route: str, code: str) -> str:
    """The address of a route for one lab, other parts filled with something that exists there."""
    for kind in ("slug", "int", "path", "str"):
        for name in ("code", "name", "machine", "step", "quiz", "course", "lesson", "n", "port", "path"):
            route = route.replace(f"<{kind}:{name}>", HERS.get(name, "1").format(code=code))
    return route


def plain(answer, code: str) -> str:
    """What an answer says, without what differs each time: the lab asked for, and tokens."""
    return re.sub(r'csrfmiddlewaretoken" value="[^"]*', "", answer.content.decode().replace(code, ""))


OF_LABS = [route for route, _ in addresses(get_resolver().url_patterns) if "code>" in route]


def test_there_are_routes_of_labs():
    """T-05: The walk finds them: pages, API, and nothing is left to fill in."""
    assert len(OF_LABS) >= 8
    assert not [route for route in OF_LABS if "<" in with_code(route, "0")]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("route", OF_LABS)
def test_a_stranger_gets_404_everywhere(lab, stranger, route, method):
    """T-05: A stranger, a visitor and a stranger's token get 404 or 405, the words being the same as for no lab at all."""
    token = Client(headers={"Authorization": f"Bearer {ApiToken.issue(stranger)}"})
    for client in (signed_in(stranger), Client(), token):
        answers = [getattr(client, method)(with_code(route, code)) for code in (lab.code, "0" * 32)]

        assert answers[0].status_code in (404, 405), (route, method)
        assert answers[0].status_code == answers[1].status_code
        assert plain(answers[0], lab.code) == plain(answers[1], "0" * 32)
    lab.refresh_from_db()
    assert lab.ended_at is None


def test_staff_are_strangers_too(lab, stranger):
    """T-15: Nobody looks over a learner's shoulder: not even a superuser sees her lab, its machines or its x-ray."""
    stranger.is_staff = stranger.is_superuser = True
    stranger.save()
    sandbox = lab.sandboxes.first()

    for route in (f"/labs/{lab.code}/", f"/api/v1/labs/{lab.code}", f"/api/v1/labs/{lab.code}/sandboxes/{sandbox.name}/xray"):
        assert signed_in(stranger).get(route).status_code == 404
    assert access.sandbox_for(stranger, lab.code, sandbox.name) is None


def test_without_the_door_a_stranger_comes_in(lab, stranger, monkeypatch):
    """T-05: The test above sees an open door: with `access` off, she does."""
    monkeypatch.setattr(access, "lab_for", lambda user, code: LabSession.objects.filter(code=code).first())

    assert signed_in(stranger).get(f"/api/v1/labs/{lab.code}").status_code == 200


@pytest.mark.parametrize("route", [str(each.pattern) for each in websocket_urlpatterns])
def test_every_socket_names_a_lab(route):
    """T-04: No websocket has an address without the lab's code, through which `access` is asked."""
    assert route.startswith("ws/labs/<slug:code>/")


CHANGING = [(route, name) for route, name in addresses(get_resolver().url_patterns) if name not in TAKEN_WITHOUT_A_TOKEN]


@pytest.mark.parametrize("route, name", CHANGING, ids=[name for _, name in CHANGING])
def test_no_route_changes_anything_without_a_token(lab, learner, route, name):
    """W-03: Her own cookie, but no token, another site's Origin, or a form's media type: refused on every route and method."""
    client = signed_in(learner, enforce_csrf_checks=True)
    for method in ("post", "put", "patch", "delete"):
        answer = getattr(client, method)(with_code(route, lab.code), "{}", content_type="text/plain")
        assert answer.status_code in (403, 404, 405), (route, method, answer.status_code)

    client.get("/accounts/sign-in/")
    token = client.cookies["csrftoken"].value
    headers = {"X-CSRFToken": token, "Origin": "https://evil.example"}
    answer = client.post(with_code(route, lab.code), "{}", content_type="application/json", headers=headers)
    assert answer.status_code in (403, 404, 405), (route, answer.status_code)
    lab.refresh_from_db()
    assert lab.ended_at is None


def test_with_a_token_the_same_request_is_taken(lab, learner):
    """W-03: What is refused above is refused for the token's sake: with it, she ends her lab."""
    client = signed_in(learner, enforce_csrf_checks=True)
    client.get("/accounts/sign-in/")
    headers = {"X-CSRFToken": client.cookies["csrftoken"].value}

    assert client.delete(f"/api/v1/labs/{lab.code}", headers=headers).status_code == 204


def test_only_what_is_named_can_be_set(lab, learner):
    """W-24: Nothing of a row can be written by sending more fields than an address asks for."""
    client = signed_in(learner)
    more = {"user": 1, "is_staff": True, "expires_at": "2099-01-01T00:00:00Z", "request": {"memory": 1 << 40}, "status": "failed"}
    before = LabSession.objects.values().get(pk=lab.pk)
    for each in api[:-1]:
        path = with_code("/api/v1/" + str(each.pattern), lab.code)
        if "reset" not in path and "extend" not in path:
            client.post(path, more, content_type="application/json")
    learner.refresh_from_db()
    after = LabSession.objects.values().get(pk=lab.pk)

    assert (learner.is_staff, learner.is_superuser) == (False, False)
    assert {name: value for name, value in after.items() if name != "active_at"} == {
        name: value for name, value in before.items() if name != "active_at"
    }
