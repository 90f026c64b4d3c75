"""What the site does for lessons of other platforms: pictures, and lessons without a machine here."""

import os
from pathlib import Path

import pytest
from django.urls import reverse

from labsite.labs import lessonbook, services
from labsite.labs.limits import LimitError
from labsite.labs.models import LabSession
from lessons.foreign import shelf as foreign

FIXTURES = Path(__file__).parents[2] / "lessons" / "foreign" / "fixtures"
PICTURE = "linux/first/assets/dot.png"


@pytest.fixture(autouse=True)
def shelf(monkeypatch):
    """The fixtures on the shelf."""
    monkeypatch.setenv("VITRINE_FOREIGN_LESSONS", str(FIXTURES))


def get(client, name: str):
    """The answer for a file of the first Katacoda lesson."""
    return client.get(f"/lessons/katacoda-linux/first/files/{name}")


def test_a_picture_is_served_alone(client):
    """Its type is told, is not to be guessed, and nothing in it may run or load anything."""
    answer = get(client, PICTURE)

    assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
    assert answer["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "name",
    ["linux/first/verify.sh", "linux/first/index.json", "../killercoda/flags/index.json", "..%2f..%2f..%2fetc/passwd", "%2e%2e/x.png", "/etc/passwd", "none.png", "linux", ".", "linux/first/assets/dot.png%00.md"],
)  # fmt: skip
def test_nothing_else_is_served(client, name):
    """W-18: No script, no manifest, no path that leads out."""
    assert get(client, name).status_code == 404


def test_a_picture_of_a_strange_lesson_is_not_found(client):
    """Neither of an unknown lesson nor of one of our own."""
    assert client.get("/lessons/none/first/files/x.png").status_code == 404
    assert client.get("/lessons/containers/namespaces/files/lesson.md").status_code == 404


def test_an_svg_is_in_a_sandbox(client, tmp_path, monkeypatch):
    """W-11: Opened by itself it is of no origin and runs no script."""
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "index.json").write_text('{"title": "T", "details": {"steps": []}, "backend": {}}')
    (tmp_path / "s" / "a.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    monkeypatch.setenv("VITRINE_FOREIGN_LESSONS", str(tmp_path))
    course = next(iter(foreign.every()))

    answer = client.get(f"/lessons/{course}/s/files/s/a.svg")

    assert answer["Content-Type"] == "image/svg+xml" and "sandbox" in answer["Content-Security-Policy"]


def test_a_lesson_without_a_machine_is_not_opened(learner, node):
    """It can be read; neither the page nor the service makes a lab of it."""
    with pytest.raises(LimitError, match="lesson-unavailable"):
        services.open_lab(learner, lessonbook.find("katacoda-linux/second"))

    assert LabSession.objects.count() == 0 and node.created == []


def test_the_page_of_such_a_lesson_says_so(client, db):
    """No Start button; posting the form all the same opens nothing."""
    page = client.get("/lessons/katacoda-linux/second/").content.decode()
    answer = client.post(reverse("labs:open"), {"lesson": "katacoda-linux/second"})

    assert "can be read here, but not run" in page and '<form class="start"' not in page
    assert answer.status_code == 429 and LabSession.objects.count() == 0


def test_the_api_says_why(client, db):
    """409 with the image that is lacking."""
    answer = client.post("/api/v1/labs", {"lesson": "katacoda-linux/second"}, content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (409, "lesson-unavailable")
    assert "kubernetes-cluster-running:1.18" in answer.json()["detail"]


def test_the_map_shows_foreign_courses(client, db):
    """After ours, with their titles."""
    page = client.get("/").content.decode()

    assert page.index("Namespaces, one by one") < page.index("Killer lessons") < page.index("A flag in a file")


def test_templates_of_a_lesson_are_text(client, db, tmp_path, monkeypatch):
    """W-21: Braces in a title or in a text reach the page as they are."""
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "index.json").write_text(
        '{"title": "{{ settings.SECRET_KEY }}<script>", "details": {"steps": [{"title": "<img onerror=x>", "text": "a.md"}]}, "backend": {}}'
    )
    (tmp_path / "s" / "a.md").write_text("{% include 'base.html' %}{{ request }}")
    monkeypatch.setenv("VITRINE_FOREIGN_LESSONS", str(tmp_path))
    course = next(iter(foreign.every()))

    page = client.get(f"/lessons/{course}/s/").content.decode()

    assert "{{ settings.SECRET_KEY }}&lt;script&gt;" in page and "{{ request }}" in page
    assert "<img onerror" not in page


def test_the_map_reads_no_lesson_whole(client, db, monkeypatch):
    """Two thousand scenarios would take their time: outlines do."""
    monkeypatch.setattr("lessons.foreign.build.read", lambda *args: pytest.fail("a lesson was read"))

    assert client.get("/").status_code == 200
    assert os.environ["VITRINE_FOREIGN_LESSONS"]
