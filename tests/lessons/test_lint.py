"""What reads well and is wrong."""

import pytest

from lessons import lint
from tests.lessons.texts import TASK, lesson


def linted(body):
    return [fault.message for fault in lint.faults(lesson("## S {#s}\n\n" + body))]


def test_a_good_task_is_clean():
    """No false alarms."""
    assert linted(TASK) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('[ -e /made ] || fail "There is no /made."', "true", "cannot fail"),
        ("[ -e /made ]", "pgrep -f made", "also find the check itself"),
        ("[ -e /made ]", "grep made ~/.bash_history", "use `ran REGEX`"),
        ("```sh {solution}\ntouch /made\n```\n", "", "has no solution"),
    ],
)
def test_each_rule_of_lint(old, new, words):
    """One change, one complaint."""
    assert any(words in message for message in linted(TASK.replace(old, new)))


def test_a_hint_is_not_the_solution():
    """A hint that holds a line of the solution is no hint."""
    body = TASK.replace("touch /made\n", "touch /made && sync\n")

    assert linted(body + "\n:::hint[Psst]\nType `touch /made && sync`.\n:::\n") == [
        "a hint of task made contains a line of the solution"
    ]
