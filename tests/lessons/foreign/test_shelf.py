"""Repositories as courses of the catalogue, their order, and that thousands of them do no harm."""

import json
import shutil

import pytest

from lessons import catalog, features
from lessons.errors import LessonNotFound
from lessons.foreign import report, shelf
from lessons.foreign.notes import Notes
from tests.lessons.foreign.scenarios import FIXTURES, manifest, read


@pytest.fixture
def shelved(monkeypatch):
    """All fixtures on the shelf."""
    monkeypatch.setenv("VITRINE_FOREIGN_LESSONS", ":".join(str(FIXTURES / name) for name in ("katacoda", "killercoda", "mixed")))
    return shelf.every()


def test_foreign_courses_stand_in_the_catalogue(shelved):
    """After our own, found by the same door, with outlines for the map."""
    found = {course.slug: [lesson.slug for lesson in course.lessons] for course in catalog.courses()}

    assert next(iter(found)) == "containers"
    assert found["katacoda-linux"] == ["second", "first"], "as the pathway orders them"
    assert found["killercoda"] == ["flags"] and found["killercoda-more"] == ["plain"], (
        "what structure.json does not name is hidden"
    )
    assert catalog.course("katacoda-linux").title == "Linux basics"


def test_outline_and_lesson_agree(shelved):
    """The map and the lesson name the same steps and tasks."""
    for course in shelved.values():
        for outline in shelf.course(course.slug).lessons:
            lesson = catalog.get(course.slug, outline.slug)
            assert [(s.id, s.title, [t.id for t in s.tasks]) for s in outline.steps] == [
                (s.id, s.title, [t.id for t in s.tasks]) for s in lesson.steps
            ]


def test_a_lesson_is_read_again_when_a_file_changes(tmp_path, monkeypatch):
    """The author's repository stays the source."""
    read(tmp_path)
    monkeypatch.setenv("VITRINE_FOREIGN_LESSONS", str(tmp_path))
    course = next(iter(shelf.every()))
    assert "<p>Text.</p>" in catalog.get(course, "s").steps[0].html

    (tmp_path / "s" / "step.md").write_text("Another text.\n")

    assert "<p>Another text.</p>" in catalog.get(course, "s").steps[0].html


def test_strangers_are_not_found(shelved):
    """Unknown names, and names that are paths."""
    for course, slug in (("katacoda-linux", "none"), ("none", "first"), ("..", "first"), ("katacoda-linux", "../first")):
        with pytest.raises(LessonNotFound):
            catalog.get(course, slug)


def test_unlisted_scenarios_are_not_on_the_map(tmp_path, monkeypatch):
    """noindex: whoever has the address may read it."""
    read(tmp_path, manifest(noindex=True))
    monkeypatch.setenv("VITRINE_FOREIGN_LESSONS", str(tmp_path))
    course = next(iter(shelf.every()))

    assert shelf.course(course).lessons == ()
    assert catalog.get(course, "s").title == "T"


def test_names_are_made_unique(tmp_path):
    """Directories of any name get an address, and no two the same."""
    for name in ("A b", "a-b", "\u5bb9\u5668", "x" * 200):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.json").write_text(json.dumps(manifest()))

    (course,) = shelf.shelve(shelf.repositories(tmp_path)[0], Notes(), set())

    assert len(course.entries) == 4
    assert all(slug.replace("-", "a").isalnum() and slug.isascii() and len(slug) < 70 for slug in course.entries)


def test_katacoda_yaml_moves_the_root(tmp_path):
    """scenario_root, if it stays inside."""
    shutil.copytree(FIXTURES / "killercoda" / "flags", tmp_path / "deep" / "flags")
    shutil.copytree(FIXTURES / "killercoda" / "flags", tmp_path / "other")
    (tmp_path / "katacoda.yaml").write_text("scenario_root: deep\n")

    assert [entry.path for entry in report.read(tmp_path).entries] == ["deep/flags"]


def test_a_structure_cannot_lead_out(tmp_path):
    """Neither by words nor in a circle."""
    (tmp_path / "repo").mkdir()
    shutil.copytree(FIXTURES / "killercoda" / "flags", tmp_path / "outside")
    shutil.copytree(FIXTURES / "killercoda" / "flags", tmp_path / "repo" / "one" / "flags")
    (tmp_path / "repo" / "structure.json").write_text('{"items": [{"path": "../outside"}, {"path": "."}, {"path": "one"}]}')
    (tmp_path / "repo" / "one" / "structure.json").write_text('{"items": [{"path": ".."}, {"path": "flags"}]}')

    assert [entry.path for entry in report.read(tmp_path / "repo").entries] == ["one/flags"]


def test_two_hundred_scenarios_load(tmp_path, monkeypatch):
    """Each of them, with a report that says so in three forms."""
    monkeypatch.setattr(features, "MISSING", {})
    for number in range(200):
        shutil.copytree(FIXTURES / "killercoda" / "flags", tmp_path / f"repo{number % 10}" / f"s{number}")

    found = report.read(tmp_path)

    assert found.totals == {"A": 200, "B": 0, "C": 0, "D": 0, "E": 0}
    assert len(json.loads(report.as_json(found))["scenarios"]) == 200
    assert 'tests="200" failures="0"' in report.junit(found)
    assert report.markdown(found).count("\n## A ") == 200
