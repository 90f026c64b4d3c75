"""The built-in course, proved: every lesson, in every language, in real sandboxes.

All of it takes half an hour, so all of it runs at night. By day one lesson in one language is drawn,
another each day.
"""

from __future__ import annotations

import datetime
import subprocess
import sys

import pytest

from lessons import catalog
from tests.needs import ROOT
from tests.needs import root as needs_root

COURSE = "containers"
DRAFTS = [
    (lesson, language)
    for lesson in sorted(path.parent.name for path in (ROOT / "lessons/content" / COURSE).glob("*/lesson.md"))
    for language in catalog.LANGUAGES
]
DRAWN = DRAFTS[datetime.date.today().toordinal() % len(DRAFTS)]


@pytest.mark.slow
@needs_root
@pytest.mark.parametrize(
    "lesson, language", [pytest.param(*each, marks=[] if each == DRAWN else pytest.mark.nightly) for each in DRAFTS]
)
def test_every_proof_holds(lesson, language):
    """Untouched fails, each wrong way fails with its words, the solution passes; in less than two minutes."""
    command = [sys.executable, "manage.py", "lessons", "test", f"{COURSE}/{lesson}", "--language", language]

    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)

    assert ended.returncode == 0, ended.stdout + ended.stderr
