"""The verbs of `manage.py lessons` that need no machine: new, check, export; and the reports of test."""

import json
import shutil
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from labsite.labs import recipe
from labsite.labs.authoring import reports
from labsite.labs.trial import Outcome
from lessons import catalog
from lessons.reader import parse_lesson

CONTENT = Path(__file__).parent.parent.parent / "lessons" / "content"


@pytest.fixture
def content(tmp_path, monkeypatch):
    """A copy of the tests' courses that may be changed."""
    place = tmp_path / "content"
    shutil.copytree(CONTENT, place)
    monkeypatch.setattr(catalog, "CONTENT", place)
    return place


def lessons(*args: str) -> str:
    """What a verb prints."""
    out = StringIO()
    call_command("lessons", *args, stdout=out)
    return out.getvalue()


def test_a_new_lesson_is_in_order(content):
    """`new` writes both languages, and `check` has nothing to say."""
    said = lessons("new", "fresh/first-steps")

    assert "preview fresh/first-steps" in said
    assert "2 lesson files are in order" in lessons("check", "fresh/first-steps")
    assert catalog.get("fresh", "first-steps", "zh-hans").step("do").language == ""


@pytest.mark.parametrize("name", ["fresh", "Fresh/Lesson", "../x/y", "school/whole"])
def test_new_touches_nothing_that_exists(content, name):
    """A name that is none, or is taken, is refused in words."""
    with pytest.raises(CommandError, match=r"exists already|is not course/lesson"):
        lessons("new", name)


def test_a_course_with_a_list_is_not_changed(content):
    """Its author decides where the new lesson stands, and is told so."""
    assert "add next under lessons: in" in lessons("new", "school/next")


def test_check_names_file_and_line(content):
    """Every fault with its place; as JSON for tools."""
    (content / "school" / "single.md").write_text("---\ntitel: x\n---\n")

    with pytest.raises(CommandError, match=r"single\.md:2: unknown key 'titel' in front matter; did you mean 'title'"):
        lessons("check", "school/single")
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("lessons", "check", "school/single", "--json", stdout=out)
    first = json.loads(out.getvalue().splitlines()[-1])
    assert (first["kind"], first["line"]) == ("fault", 2)


def test_a_lesson_that_does_not_exist_is_guessed(content):
    """The nearest name is offered."""
    with pytest.raises(CommandError, match="did you mean 'school/whole'"):
        lessons("check", "school/whol")


def test_bounds_of_the_operator_are_faults(content, settings):
    """A lesson that asks for more than this server gives is told so before anybody opens it."""
    settings.LESSON_MEMORY, settings.LESSON_MACHINES = 32 << 20, 1

    with pytest.raises(CommandError) as caught:
        lessons("check", "school/whole", "--language", "en")
    assert "web: memory 64M is more than this server gives (32M)" in str(caught.value)
    assert "2 machines are more than this server gives a lab (1)" in str(caught.value)


def test_image_names_are_the_operators(content, settings):
    """A lesson names an image, the operator says which one that is here."""
    settings.IMAGE_NAMES = {"debian-12": "bookworm"}
    lesson = catalog.get("school", "whole")
    request = recipe.request_for(lesson, lesson.machines[1])

    assert (request["image"], request["profile"], request["net"]) == ("bookworm", "strict", "lab")


def test_export_is_read_without_us(content, tmp_path):
    """Pages without a script, pictures and sources beside them; values are filled in."""
    target = tmp_path / "out"
    lessons("export", "school/whole", "--language", "en", "--to", str(target))
    page = (target / "school/whole/index.html").read_text()

    assert "<script" not in page and "%{name}" not in page
    assert 'src="source/dot.png"' in page
    assert (target / "school/whole/source/lesson.md").exists() and (target / "school/whole/source/dot.png").exists()
    assert 'href="school/whole/index.html"' in (target / "index.html").read_text()


def test_reports_survive_what_machines_print():
    """Control characters and bars of a message break neither XML nor table."""
    lesson = parse_lesson("---\ntitle: t\n---\n", course="c", slug="l")
    played = [
        (lesson, "1", Outcome(False, "s", "t", "run", "a\x1b[31m|b\x00", 1.0)),
        (lesson, "1", Outcome(True, "s", "t", "run", "0")),
    ]
    suite = ElementTree.fromstring(reports.junit(played))

    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert "**FAIL**" in reports.markdown(played) and "\\|b" in reports.markdown(played)


def test_pages_under_preview_hear_of_changes(content, settings):
    """A stamp that changes with the files, the faults while there are any; nothing of it elsewhere."""
    settings.PREVIEW, settings.ALLOWED_HOSTS = True, ["*"]
    before = Client().get("/lessons/school/single/stamp").json()
    (content / "school" / "single.md").write_text("---\ntitle: x\n---\n\n## Two {#two}\n")
    after = Client().get("/lessons/school/single/stamp").json()
    (content / "school" / "single.md").write_text("---\ntitel: x\n---\n")
    broken = Client().get("/lessons/school/single/stamp").json()
    settings.PREVIEW = False

    assert before["stamp"] != after["stamp"] and after["faults"] == []
    assert broken["faults"][0].startswith("single.md:")
    assert Client().get("/lessons/school/single/stamp").status_code == 404
