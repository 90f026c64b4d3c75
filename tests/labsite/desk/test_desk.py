"""The desk: who may write, what is kept, what learners see, and that nothing written can act."""

import pytest
from django.test import Client

from labsite.accounts.models import User
from labsite.desk import services
from labsite.desk.models import Draft, State, TestRun
from labsite.labs import lessonbook
from labsite.labs.models import LabSession
from lessons import catalog
from lessons.editions import COURSE
from tests.labsite.desk.conftest import TEXT

pytestmark = pytest.mark.django_db
PAGES = ("", "two-names/", "two-names/versions/", "two-names/versions/1/")
ACTS = ("two-names/problems", "two-names/files/", "two-names/preview/", "two-names/test/", "two-names/publish/",
        "two-names/versions/1/roll-back/")  # fmt: skip


def save(writer: Client, text: str, seen: int = 1, **more: str):
    """Send the form as a browser does."""
    return writer.post("/desk/two-names/", {"text": text.replace("\n", "\r\n"), "seen": seen, "name": "lesson.md", **more})


def signed_in(user: User) -> Client:
    """A browser of somebody else."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_the_desk_is_not_there_for_others(draft, stranger):
    """T-05: A visitor, a learner and another author's lesson: 404 for every page and every act."""
    for browser in (Client(), signed_in(stranger)):
        assert {404} == {browser.get(f"/desk/{page}").status_code for page in PAGES}
        assert {404} == {browser.post(f"/desk/{act}").status_code for act in ACTS}
    other = User.objects.create_superuser("eve", password="a third long one")

    assert 200 == signed_in(other).get("/desk/").status_code
    assert {404} == {signed_in(other).get(f"/desk/{page}").status_code for page in PAGES[1:]}
    assert {404} == {signed_in(other).post(f"/desk/{act}").status_code for act in ACTS}
    assert Draft.objects.get().versions.count() == 1


def test_a_new_lesson_is_whole(writer):
    """It begins without a problem, with its title, and is not on the map."""
    answer = writer.post("/desk/", {"slug": "my-first", "title": 'A "first" one'})
    page = writer.get(answer.url)

    assert [] == page.context["problems"]
    assert "A ”first” one" == page.context["version"].title
    assert COURSE not in catalog.names()
    assert 400 == writer.post("/desk/", {"slug": "my-first"}).status_code


def test_problems_are_the_linters_by_line(writer, draft):
    """What is not saved yet is read by the real linter: file, line and words, and no path of the server."""
    form = {"text": TEXT + "\n:::tsk{#a}\nWhat?\n:::\n", "name": "lesson.md"}
    found = writer.post("/desk/two-names/problems", form).json()["problems"]

    assert [("lesson.md", 9, "fault")] == [(each["file"], each["line"], each["kind"]) for each in found]
    assert "unknown block :::tsk" in found[0]["message"]
    assert 1 == draft.versions.count()


def test_a_lesson_with_faults_is_saved_but_not_published(writer, draft):
    """An author may put down her pen in the middle of a sentence; learners see only what is whole."""
    save(writer, TEXT + "\n## No id\n", then="publish")

    assert 2 == draft.newest.number
    assert COURSE not in catalog.names()


def test_published_edited_rolled_back(writer, draft):
    """Learners see the version that is published, whatever the author does next; going back is a new version."""
    save(writer, TEXT, then="publish")
    save(writer, TEXT.replace("Look at it", "Look closely"))
    assert "Look at it" in Client().get("/lessons/desk/two-names/").content.decode()

    diff = writer.get("/desk/two-names/versions/1/").content.decode()
    assert '<span class="removed">-Look at it.' in diff and '<span class="added">+Look closely.' in diff
    writer.post("/desk/two-names/publish/")
    assert "Look closely" in Client().get("/lessons/desk/two-names/").content.decode()
    writer.post("/desk/two-names/versions/1/roll-back/")
    assert (3, TEXT.encode()) == (draft.newest.number, services.files_of(draft.newest)["lesson.md"])
    assert "Two names" in Client().get("/").content.decode()
    writer.post("/desk/two-names/publish/", {"withdraw": "1"})
    assert 404 == Client().get("/lessons/desk/two-names/").status_code


def test_a_lab_keeps_the_version_it_began_with(writer, draft, node, learner):
    """A new version, or none any more, changes nothing for a learner in the middle of the lesson."""
    services.publish(draft.newest)
    hers = signed_in(learner)
    hers.post("/labs/", {"lesson": "desk/two-names"})
    lab = LabSession.objects.get()
    save(writer, TEXT.replace("Look at it", "Look closely"), then="publish")

    assert "Look at it" in hers.get(f"/labs/{lab.code}/").content.decode()
    writer.post("/desk/two-names/publish/", {"withdraw": "1"})
    assert "Look at it" in lessonbook.of_lab(lab).steps[0].html


def test_a_preview_is_a_lab_of_the_author_alone(writer, draft, node, author, learner):
    """The draft opens as a real lab, anew for each version; nobody else can open or see it."""
    first = save(writer, TEXT + "\nMore.\n", then="preview")
    second = save(writer, TEXT + "\nStill more.\n", seen=2, then="preview")

    assert first.url != second.url
    assert "Still more." in writer.get(second.url).content.decode()
    assert [draft.newest.edition] == list(LabSession.objects.filter(ended_at=None).values_list("edition", flat=True))
    assert 404 == signed_in(learner).get(second.url).status_code
    assert 404 == signed_in(learner).post("/labs/", {"lesson": "desk/two-names"}).status_code


def test_two_tabs_do_not_overwrite_each_other(writer, draft):
    """A text written upon an old version is refused, and shown again so that it can be kept."""
    save(writer, TEXT + "\nOne.\n")
    answer = save(writer, TEXT + "\nTwo.\n", seen=1)

    assert (409, 2) == (answer.status_code, draft.newest.number)
    assert b"Two." in answer.content


def test_one_test_at_a_time(writer, draft, author):
    """W-20: A second is refused while one runs; one that was lost with its worker does not block for ever."""
    run = TestRun.objects.create(version=draft.newest, state=State.RUNNING)
    assert "/desk/two-names/" == writer.post("/desk/two-names/test/").url

    TestRun.objects.filter(pk=run.pk).update(started_at=run.started_at - 2 * services.GRACE)
    assert "/runs/" in writer.post("/desk/two-names/test/").url
    assert State.FAILED == TestRun.objects.get(pk=run.pk).state


def test_a_test_says_each_line_once(writer, draft, monkeypatch, django_capture_on_commit_callbacks):
    """The log is given from a line on; a lesson that proves nothing has not passed."""
    monkeypatch.setattr("labsite.desk.tasks.play", lambda *_: [])
    with django_capture_on_commit_callbacks(execute=True):
        page = writer.post("/desk/two-names/test/").url
    whole, rest = (writer.get(f"{page}?since={n}").json() for n in (0, 1))

    assert ("failed", True, 1, 0) == (whole["state"], whole["settled"], len(whole["lines"]), len(rest["lines"]))
    assert "nothing was proved" in whole["lines"][0]["text"]


HOSTILE = """---
title: "<script>window.__xss=1</script>{{ settings.SECRET_KEY }}"
summary: "<img src=x onerror=alert(1)>"
---

<script>window.__xss=1</script> {% include "base.html" %} {{ settings.SECRET_KEY }}

## Look {#look}

<img src=x onerror=alert(1)> <svg onload=alert(1)> <style>*{display:none}</style>
"""


def test_a_lesson_cannot_script_the_page(writer, draft, settings):
    """W-11, W-21: Markup and template tags of an author are text: in the editor, the list, the diff, on the map, as a lesson."""
    save(writer, HOSTILE, then="publish")
    pages = [Client().get(page) for page in ("/", "/lessons/desk/two-names/")]
    pages += [
        writer.get(page) for page in ("/desk/", "/desk/two-names/", "/desk/two-names/versions/1/", "/desk/two-names/versions/")
    ]

    assert {200} == {page.status_code for page in pages}
    for text in (page.content.decode() for page in pages):
        assert "<script>window" not in text and "<img src=x" not in text and "<svg onload" not in text
        assert settings.SECRET_KEY not in text
    assert "{{ settings.SECRET_KEY }}" in pages[1].content.decode()


@pytest.mark.parametrize(
    "name", ["../two.md", "/etc/passwd", "a/../../b", ".git/config", "a\\b", "a\x00b", "x" * 200, "", "a//b"]
)
def test_names_lead_nowhere(writer, draft, name):
    """W-18: No name of a file climbs, is absolute or hidden; nothing is saved."""
    answer = writer.post("/desk/two-names/", {"text": "x", "name": name})

    assert (400, 1) == (answer.status_code, draft.versions.count())
    assert 404 == writer.get("/desk/two-names/", {"file": name or "."}).status_code


def test_a_lesson_reads_no_other_authors_files(writer, draft, author):
    """W-18: A setup script is looked for in the lesson's own edition; a sibling's folder is outside."""
    other = services.begin(author, "secret", {"lesson.md": TEXT.encode(), "key.sh": b"echo secret\n"}, "begun").newest
    head = f"---\ntitle: Thief\nsetup: ../../{other.edition}/secret/key.sh\n---\n"
    found = writer.post("/desk/two-names/problems", {"text": head + TEXT.split("---\n")[2], "name": "lesson.md"}).json()[
        "problems"
    ]

    assert "outside of the course" in found[0]["message"]
