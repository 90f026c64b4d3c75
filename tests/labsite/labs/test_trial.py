"""The trial of lessons: outputs, and every lesson that ships, played in real sandboxes."""

import os
from pathlib import Path

import pytest

from labsite.labs.authoring.node import spawner
from labsite.labs.replay import matches
from labsite.labs.trial import Outcome, Trial
from lessons import catalog, lint
from lessons.reader import parse_lesson, read_lesson

HELPERS = Path(__file__).with_name("helpers.lesson.md")
CONTENT = Path(__file__).parent.parent.parent / "lessons" / "content"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="sandboxes are made by root")


def trial(text: str) -> list[Outcome]:
    """Play a lesson; what the trial says of it."""
    outcomes: list[Outcome] = []
    with spawner():
        Trial(parse_lesson(text, HELPERS, course="tests"), "1", outcomes.append).run()
    return outcomes


@pytest.mark.parametrize(
    ("expected", "printed"),
    [
        ("guest\n...\n", "guest\nbox\n"),
        ("...\nuts -> 'uts:[...]'\n", "total 0\nuser\nuts -> 'uts:[402653]'\n"),
        ("NS   TYPE\n...\n", "        NS TYPE\n1 uts\n2 uts\n"),
        ("a\n...\nb", "a\nb\n"),
        ("outside:\n", "outside: \n"),
    ],
)
def test_output_matches(expected, printed):
    """`...` stands for any lines, or any part of one; spacing does not matter."""
    assert matches(expected, printed)


@pytest.mark.parametrize(("expected", "printed"), [("a\n...", "b\na\n"), ("a", "a\nb\n"), ("1.0", "100\n")])
def test_output_differs(expected, printed):
    """Everything not covered by `...` must be there, and nothing else."""
    assert not matches(expected, printed)


@needs_root
def test_the_contract_holds_inside():
    """setup, ran, bash, python, as= and multi-line solutions work in a real sandbox."""
    outcomes = trial(HELPERS.read_text())

    assert [outcome for outcome in outcomes if not outcome.ok] == []
    assert len(outcomes) == 10


@needs_root
@pytest.mark.parametrize(
    ("old", "new", "part", "act"),
    [
        ('fail "run ls"', 'pass "always"', "ran", "untouched"),
        ('says="no y"', 'says="no z"', "as", "wrong"),
        ("touch /tmp/y", "touch /tmp/z", "as", "solution"),
        ("cat > /tmp/x", "mount --bind /bin/true /usr/bin/grep; cat > /tmp/x", "py", "solution"),
        ("ls .*-la' &&", "ls .*-la' && exit 9 &&", "ran", "solution"),
        ("```text {output}\n", "```text {output}\nmore\n", "line 13", "run"),
    ],
)
def test_the_trial_finds_what_is_wrong(old, new, part, act, monkeypatch):
    """One fault put into a good lesson is reported at its place."""
    monkeypatch.setattr("labsite.labs.trial.PATIENCE", 0.3)  # nothing here becomes right by waiting
    outcomes = trial(HELPERS.read_text().replace(old, new))

    assert (part, act) in [(outcome.part, outcome.act) for outcome in outcomes if not outcome.ok]


@needs_root
def test_the_whole_format_works(monkeypatch):
    """Two machines, files, setups, keys, saving, `on`, host checks: the lesson that uses everything holds."""
    monkeypatch.setattr(catalog, "CONTENT", CONTENT)
    outcomes: list[Outcome] = []
    with spawner():
        Trial(catalog.get("school", "whole"), "1", outcomes.append).run()

    assert [outcome for outcome in outcomes if not outcome.ok] == []
    assert {"run", "keys", "save", "untouched", "wrong", "solution"} == {outcome.act for outcome in outcomes}


@needs_root
def test_the_example_of_the_specification_holds():
    """It reads, has nothing to complain of, and its proofs hold in the words it promises."""
    lesson = read_lesson(CONTENT.parent / "example.lesson.md")
    outcomes: list[Outcome] = []
    with spawner():
        Trial(lesson, "1", outcomes.append).run()

    assert list(lint.faults(lesson)) == []
    assert ["untouched", "wrong", "wrong", "solution"] == [each.act for each in outcomes if each.part == "renamed" and each.ok]
