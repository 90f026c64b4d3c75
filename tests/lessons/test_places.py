"""Files beside a lesson: a name leads nowhere but into the lesson's own course."""

from pathlib import Path

import pytest

from lessons.places import Places


@pytest.fixture
def places(tmp_path, monkeypatch) -> Places:
    """A lesson in a course, beside which lies a secret."""
    lesson = tmp_path / "course" / "lesson"
    lesson.mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "course" / "shared.sh").write_text("shared")
    (lesson / "own.sh").write_text("own")
    (lesson / "link.sh").symlink_to(tmp_path / "secret")
    (lesson / "way").symlink_to(tmp_path)
    (lesson / "bytes").write_bytes(b"\xff\xfe")
    monkeypatch.chdir(tmp_path / "course")
    return Places(lesson, tmp_path / "course")


def test_its_own_and_its_courses_files_are_found(places):
    """Beside the lesson, and in the course."""
    assert (places.text("own.sh"), places.text("../shared.sh")) == (("own", ""), ("shared", ""))


@pytest.mark.parametrize(
    "name", ["../../secret", "/etc/passwd", "link.sh", "way/secret", "own.sh/../../../secret", "nowhere", ".", "bytes"]
)
def test_nothing_else_is(places, name):
    """W-18: Not by dots, not absolutely, not by symbolic links, not a directory, not what is no text."""
    assert places.text(name)[0] == ""
    assert Places(Path("lesson"), Path(".")).text(name)[0] == ""
