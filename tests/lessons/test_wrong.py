"""Wrong lessons: each file of `wrong/` has one mistake, and ends with the line and the words it must get."""

import re
from pathlib import Path

import pytest

from lessons import lint
from lessons.errors import LessonErrors
from lessons.reader import read_lesson

LESSONS = sorted(Path(__file__).with_name("wrong").glob("*.md"))
MARK = re.compile(r"^<!-- (\d+): (.*) -->$", re.MULTILINE)


def faults(path: Path) -> list[tuple[int, str]]:
    """Everything the reader, and if it is content the linter, finds."""
    try:
        found = list(lint.faults(read_lesson(path)))
    except LessonErrors as errors:
        found = errors.errors
    return [(fault.line, fault.message) for fault in found]


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_wrong_lesson_gets_its_words_at_its_line(path):
    """Exactly the faults that stand at the file's end, no more and no fewer."""
    expected = [(int(line), words) for line, words in MARK.findall(path.read_text(encoding="utf-8"))]

    assert expected
    assert expected == faults(path)


def test_the_corpus_is_large():
    """A format whose mistakes are not tried is a format that swallows them."""
    assert len(LESSONS) >= 60
