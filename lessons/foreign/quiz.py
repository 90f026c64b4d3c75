"""Quizzes of Katacoda: `>>Q1: Which?<<`, then a list of answers without a blank line.

    (*) right      ( ) wrong      [*] right, of several      === exact text      =~= must contain

A Markdown parser would see nested block quotes in `>>`, so they are taken out before it.
"""

import re
from dataclasses import dataclass

from markdown_it import MarkdownIt

from lessons.elements import Option, Quiz

QUESTION = re.compile(r"[ \t]{0,3}>>[ \t]*(?:Q\d+[ \t]*:)?[ \t]*(?P<words>.*?)[ \t]*<<[ \t]*")
ANSWER = re.compile(r"[ \t]{0,3}(?P<mark>===|=~=|\([ *xX]?\)|\[[ *xX]?\])[ \t]*(?P<words>.*?)[ \t]*")
MOST_ANSWERS = 50


@dataclass(frozen=True)
class Found:
    """A question with its answers as (mark, words); `lines` of the source."""

    words: str
    answers: tuple[tuple[str, str], ...]
    lines: int


def read(lines: list[str], start: int) -> Found | None:
    """The quiz whose question stands on that line, or None."""
    question = QUESTION.fullmatch(lines[start])
    if not question:
        return None
    answers = []
    for line in lines[start + 1 : start + 1 + MOST_ANSWERS]:
        match = ANSWER.fullmatch(line)
        if not match:
            break
        answers.append((match["mark"], match["words"]))
    return Found(question["words"], tuple(answers), 1 + len(answers)) if answers else None


def quiz(found: Found, id: str, plain: MarkdownIt, line: int) -> Quiz | None:
    """The question in our words; None if it cannot be answered rightly or wrongly."""
    question = f"<p>{plain.renderInline(found.words)}</p>\n"
    typed = [(mark, words) for mark, words in found.answers if mark in ("===", "=~=")]
    if typed:
        return Quiz(id, "text", question, answers=tuple(_answer(mark, words) for mark, words in typed), line=line)
    options = tuple(
        Option(str(n), plain.renderInline(words), mark[1:-1].strip() != "") for n, (mark, words) in enumerate(found.answers, 1)
    )
    right = sum(option.right for option in options)
    if not right or len(options) < 2:
        return None
    many = right > 1 or found.answers[0][0].startswith("[")
    return Quiz(id, "many" if many else "one", question, options, line=line)


def _answer(mark: str, words: str) -> tuple[str, str]:
    return ("=", words) if mark == "===" else ("~", f".*{re.escape(words)}.*")
