"""The trial of lessons: outputs, and every lesson that ships, played in real sandboxes."""

import os
import subprocess
import sys

import pytest

from labsite.labs.trial import matches
from lessons import catalog


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


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="sandboxes are made by root")
@pytest.mark.parametrize("language", catalog.LANGUAGES)
def test_every_proof_of_every_lesson_holds(language):
    """Untouched fails, each wrong way fails with its words, the solution passes."""
    command = [sys.executable, "manage.py", "lessons", "test", "--language", language]

    ended = subprocess.run(command, capture_output=True, text=True, timeout=300)

    assert ended.returncode == 0, ended.stdout + ended.stderr
