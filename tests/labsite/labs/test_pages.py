"""Pages and the API: what the owner sees, and that a stranger sees nothing."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from labsite.accounts.models import ApiToken, User
from labsite.labs.models import LabSession
from tests.labsite.conftest import LESSON

pytestmark = pytest.mark.django_db
API = "/api/v1/labs"


def post(client, path, data=None, **headers):
    """POST JSON."""
    return client.post(path, json.dumps(data or {}), content_type="application/json", headers=headers)


def signed_in(user: User, **options) -> Client:
    """A browser of this user's."""
    client = Client(**options)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.mark.parametrize("path", ["/", f"/lessons/{LESSON}/", "/accounts/sign-in/", "/accounts/sign-up/"])
def test_anybody_can_read(client, path):
    """Reading needs no account and makes no guest."""
    assert client.get(path).status_code == 200
    assert User.objects.count() == 0


def test_a_visitor_becomes_a_guest_by_opening_a_lab(client, node):
    """The first POST makes a guest, who owns the lab and is sent to it."""
    answer = client.post("/labs/", {"lesson": LESSON})
    lab = LabSession.objects.get()

    assert f"/labs/{lab.code}/" == answer.url
    assert lab.user.is_guest
    assert client.get(answer.url).status_code == 200


def test_the_lab_page_has_what_its_script_needs(lab, learner):
    """The page carries code, addresses, machines and steps as data, not as script."""
    answer = signed_in(learner).get(f"/labs/{lab.code}/")
    boot = answer.context["boot"]

    assert b'id="lab-data" type="application/json"' in answer.content
    assert f"ws://testserver:8001/ws/labs/{lab.code}/" == boot["ws"]["lab"]
    assert boot["steps"] and boot["sandboxes"][0]["terminals"][0]["n"] == 1


@pytest.mark.parametrize(
    "method, path",
    [
        ("get", "/labs/{}/"), ("post", "/labs/{}/end/"), ("get", API + "/{}"), ("delete", API + "/{}"),
        ("post", API + "/{}/extend"), ("post", API + "/{}/steps/uts/check"), ("post", API + "/{}/sandboxes/box/reset"),
    ],
)  # fmt: skip
def test_a_stranger_finds_nothing(lab, stranger, method, path):
    """T-05: To a stranger, signed in or not, a lab does not exist."""
    for client in (signed_in(stranger), Client()):
        assert getattr(client, method)(path.format(lab.code)).status_code == 404
    lab.refresh_from_db()
    assert lab.ended_at is None


def test_the_api_opens_shows_and_ends(learner, node):
    """POST, GET, DELETE: 201, 200, 204."""
    client = signed_in(learner)
    opened = post(client, API, {"lesson": LESSON})
    address = f"{API}/{opened.json()['code']}"

    assert opened.status_code == 201
    assert client.get(address).status_code == 200
    assert client.delete(address).status_code == 204
    assert client.get(address).json()["status"] == "ended"
    assert post(client, address + "/extend").status_code == 410


def test_errors_are_problem_documents(client):
    """Errors have the media type and members of RFC 9457."""
    answer = post(client, API, {"lesson": "no/such"})

    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert {"type", "title", "status", "code"} <= answer.json().keys()


@pytest.mark.parametrize(
    "body, kind, status",
    [("{", "application/json", 400), ("[]", "application/json", 400), ('{"lesson":"a"}', "text/plain", 415)],
)
def test_only_json_objects_are_taken(client, body, kind, status):
    """A-07: Anything but a JSON object is refused."""
    assert status == client.post(API, body, content_type=kind).status_code


def test_a_cookie_needs_a_csrf_token(learner, node):
    """W-03: A request with only a session cookie is refused without the token."""
    client = signed_in(learner, enforce_csrf_checks=True)

    assert post(client, API, {"lesson": LESSON}).status_code == 403
    assert LabSession.objects.count() == 0


def test_a_bearer_token_needs_none(learner, node):
    """A bearer token proves itself; a wrong one is 401."""
    client = Client(enforce_csrf_checks=True)
    token = ApiToken.issue(learner)

    assert post(client, API, {"lesson": LESSON}, Authorization=f"Bearer {token}").status_code == 201
    assert post(client, API, {"lesson": LESSON}, Authorization="Bearer x").status_code == 401


def test_the_description_names_every_address(client):
    """openapi.json and the addresses agree."""
    from labsite.labs.api.urls import urlpatterns

    described = {path.replace("{", "").replace("}", "") for path in client.get("/api/v1/openapi.json").json()["paths"]}
    existing = {"/" + str(each.pattern).replace("<slug:", "").replace(">", "") for each in urlpatterns[:-1]}

    assert existing == described


def test_limits_are_429(learner, node, settings):
    """A-02: A limit is a 429 with the limit in it, as JSON and as a page."""
    settings.LABS_PER_USER = 0
    client = signed_in(learner)

    answer = post(client, API, {"lesson": LESSON})

    assert (answer.status_code, answer.json()["code"]) == (429, "labs-per-user")
    assert client.post("/labs/", {"lesson": LESSON}).status_code == 429


def test_no_inline_script_is_allowed(client):
    """W-11, W-23: The content security policy lets scripts come from this site only."""
    policy = client.get("/")["Content-Security-Policy"]

    assert "script-src 'self';" in policy + ";"
    assert "default-src 'none'" in policy
    assert "ws://localhost:8001" in policy


@pytest.mark.parametrize(
    "settings_token, headers, status",
    [
        ("", {}, 200), ("", {"X-Forwarded-For": "192.0.2.7"}, 404), ("secret", {}, 404),
        ("secret", {"Authorization": "Bearer wrong"}, 404), ("secret", {"Authorization": "Bearer secret"}, 200),
    ],
)  # fmt: skip
def test_metrics_are_for_watchers(lab, client, settings, settings_token, headers, status):
    """/metrics has the sandboxes by status: for this machine, or for whoever has the token; to others it does not exist."""
    settings.METRICS_TOKEN = settings_token
    answer = client.get("/metrics", headers=headers)

    assert answer.status_code == status
    assert (b'vitrine_sandboxes{status="running"} ' in answer.content) == (status == 200)


def test_metrics_stay_at_home(client):
    """Another machine gets nothing."""
    assert client.get("/metrics", REMOTE_ADDR="192.0.2.7").status_code == 404


def test_healthz_names_what_is_missing(client, settings, tmp_path, monkeypatch):
    """Without a spawner /healthz is 503 and says so."""
    monkeypatch.setenv("VITRINE_RUN", str(tmp_path))

    answer = client.get("/healthz")

    assert (answer.status_code, answer.json()["spawner"], answer.json()["database"]) == (503, False, True)


def test_the_language_is_remembered(client):
    """W-22: Choosing a language leads back to the page, in that language; never to another site."""
    answer = client.post("/language/", {"language": "zh-hans", "next": "/"})
    elsewhere = client.post("/language/", {"language": "zh-hans", "next": "https://evil.example/"})

    assert "/" == answer.url == elsewhere.url
    assert b'lang="zh-hans"' in client.get("/").content


def open_elsewhere(user: User, **fields) -> LabSession:
    """A lab of another lesson."""
    return LabSession.objects.create(user=user, lesson="other/lesson", expires_at=timezone.now() + timedelta(hours=1), **fields)


def test_a_user_at_her_limit_is_shown_the_way(learner, node, settings):
    """She reads how many she may have, which are open, and can go there or end one from the same page."""
    settings.LABS_PER_USER = 1
    lab = open_elsewhere(learner)

    page = signed_in(learner).post("/labs/", {"lesson": LESSON}).content.decode()

    assert "You may have 1 lab open at a time." in page
    assert f'href="/labs/{lab.code}/"' in page and f'action="/labs/{lab.code}/end/"' in page
    assert "Create an account" not in page


def test_a_full_address_is_told_to_wait(learner, stranger, node, settings):
    """It is not she who has too many; she reads that, and sees nothing of anybody's labs."""
    settings.LABS_PER_ADDRESS = 1
    theirs = open_elsewhere(stranger, address="127.0.0.1")

    answer = signed_in(learner).post("/labs/", {"lesson": LESSON})

    assert answer.status_code == 429
    assert "Too many labs are open from your network just now." in answer.content.decode()
    assert theirs.code not in answer.content.decode()


@pytest.mark.parametrize(
    "wanted, leads", [("/accounts/sign-up/", "/accounts/sign-up/"), ("https://evil.example/", f"/lessons/{LESSON}/")]
)
def test_ending_leads_where_the_form_says_but_never_away(lab, learner, wanted, leads):
    """W-22: The end button of a limit leads back to the lesson she wanted."""
    assert leads == signed_in(learner).post(f"/labs/{lab.code}/end/", {"next": wanted}).url


def test_a_form_without_its_token_gets_our_own_page(learner):
    """W-03: Django's bare page is nobody's business."""
    answer = signed_in(learner, enforce_csrf_checks=True).post("/labs/", {"lesson": LESSON})

    assert (answer.status_code, "Back to the lessons" in answer.content.decode()) == (403, True)
