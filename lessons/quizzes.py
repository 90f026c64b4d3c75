"""Quizzes: read from task lists, graded on the server.

The page never learns which option is right: it sends what was chosen and gets back
whether that was right, with the feedback of the chosen options.
"""

import re
from dataclasses import dataclass

from lessons.elements import Quiz
from lessons.words import word


@dataclass(frozen=True)
class Grade:
    """The answer to an answer: HTML feedback, one piece for each chosen option."""

    correct: bool
    message: str
    feedback: tuple[tuple[str, str], ...] = ()


def grade(quiz: Quiz, chosen: list[str], language: str = "en") -> Grade:
    """Judge the options chosen (their ids), or the one text typed."""
    chosen = [item for item in chosen if item.strip()]
    if not chosen:
        return Grade(False, word("choose", language))
    feedback: tuple[tuple[str, str], ...] = ()
    if quiz.kind == "text":
        correct = _text_is_right(quiz, chosen[0])
    else:
        correct = set(chosen) == {option.id for option in quiz.options if option.right}
        feedback = _feedback(quiz, set(chosen))
    return Grade(correct, word("right" if correct else "wrong", language), feedback)


def _feedback(quiz: Quiz, chosen: set[str]) -> tuple[tuple[str, str], ...]:
    return tuple((o.id, o.feedback) for o in quiz.options if o.id in chosen and o.feedback)


def _text_is_right(quiz: Quiz, text: str) -> bool:
    return any(matches(kind, pattern, text.strip()[:200]) for kind, pattern in quiz.answers)


def matches(kind: str, pattern: str, text: str) -> bool:
    """Is this text the answer meant by `= exact`, `~ regex` or `# number ±tolerance`?"""
    if kind == "=":
        return text.casefold() == pattern.casefold()
    if kind == "~":
        return re.fullmatch(pattern, text, re.IGNORECASE) is not None
    wanted, _, tolerance = pattern.partition("±")
    try:
        return abs(float(text) - float(wanted)) <= float(tolerance or 0)
    except ValueError:
        return False
