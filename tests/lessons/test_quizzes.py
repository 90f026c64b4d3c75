"""Quizzes are graded on the server."""

from lessons.quizzes import grade
from tests.lessons.texts import faults, lesson

ONE = """## S {#s}

:::quiz{#q}
Which?

- [ ] `a`
  > Not *a*.
- [x] b
:::
"""
TEXT = """## S {#s}

:::answer{#q}
How many?

- = four
- ~ 4(\\.0)?
- # 4.5 ±0.5
:::
"""


def quiz(body):
    return lesson(body).steps[0].quizzes[0]


def test_the_page_does_not_know_the_answer():
    """Neither rightness nor feedback is in the HTML."""
    html = lesson(ONE).steps[0].html

    assert '<input type="radio" name="q" value="1"> <span><code>a</code></span>' in html
    assert "Not" not in html and "checked" not in html


def test_a_right_choice_is_right():
    """The set of right options, no more and no less."""
    assert grade(quiz(ONE), ["2"]).correct
    assert not grade(quiz(ONE), ["1", "2"]).correct


def test_a_wrong_choice_earns_its_feedback():
    """The quote under the chosen option, and only that."""
    found = grade(quiz(ONE), ["1"])

    assert not found.correct
    assert found.feedback == (("1", "<p>Not <em>a</em>.</p>\n"),)


def test_nothing_chosen_is_not_wrong_but_asked_for():
    """An empty answer says what to do."""
    assert grade(quiz(ONE), [""]).message == "Choose an answer first."


def test_free_answers():
    """Exact text ignores case; a regex matches the whole; a number has a tolerance."""
    for text in ("Four", " 4.0 ", "4.2", "5"):
        assert grade(quiz(TEXT), [text]).correct, text
    for text in ("44", "5.1", "five", "nan"):
        assert not grade(quiz(TEXT), [text]).correct, text


def test_a_quiz_needs_right_and_wrong():
    """A question that cannot be failed is a fault of the lesson."""
    found = faults(ONE.replace("[ ]", "[x]"))

    assert found == [(6, "a quiz needs at least one right and one wrong option")]
