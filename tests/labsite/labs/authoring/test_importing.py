"""manage.py lessons import: what an operator reads before taking in a repository."""

import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from labsite.labs.imported import lessons_in

FIXTURES = Path(__file__).parents[3] / "lessons" / "foreign" / "fixtures"


def test_the_report_is_printed(capsys):
    """Per scenario and in total."""
    call_command("lessons", "import", str(FIXTURES / "killercoda"))

    said = capsys.readouterr().out
    assert said.startswith("# 2 scenarios\n") and "## A killercoda/more/plain" in said


def test_the_report_for_programs(capsys):
    """JSON with class, image, counts and notes."""
    call_command("lessons", "import", str(FIXTURES / "katacoda"), report="json")

    scenarios = {each["path"]: each for each in json.loads(capsys.readouterr().out)["scenarios"]}
    assert scenarios["linux/first"]["class"] in "AB", "B on a site without previews of ports"
    assert scenarios["linux/second"]["notes"][0]["file"] == "linux/second/index.json"


def test_a_broken_scenario_ends_in_failure(tmp_path):
    """So that CI notices."""
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "index.json").write_text('{"title": "T" "details": {}}')

    with pytest.raises(CommandError, match="class E"):
        call_command("lessons", "import", str(tmp_path))


def test_a_directory_is_needed(tmp_path):
    """With a sentence, not a traceback."""
    with pytest.raises(CommandError, match="is not a directory"):
        call_command("lessons", "import", str(tmp_path / "none"))


def test_what_is_converted_passes_the_check(tmp_path, monkeypatch, capsys):
    """`lessons check` finds nothing in it."""
    call_command("lessons", "import", str(FIXTURES / "killercoda"), convert=tmp_path)
    monkeypatch.setattr("lessons.catalog.CONTENT", tmp_path)

    call_command("lessons", "check", language="en")

    assert "2 lesson files are in order" in capsys.readouterr().out


def test_the_oracle_takes_what_has_a_check_and_a_machine():
    """Clusters and mere texts cannot be proved."""
    assert [lesson.slug for lesson in lessons_in(FIXTURES / "killercoda")] == ["flags"]
    assert [lesson.slug for lesson in lessons_in(FIXTURES / "katacoda")] == ["first"]
