"""Questions, as they are answered on a page: one answer, several, words of one's own."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
LESSON = "/lessons/zz-tests/questions/"


@pytest.fixture
def reader(visitor):
    """A visitor on a lesson's page, without a lab."""
    visitor.goto(LESSON)
    return visitor


def answer(page, quiz: str, *chosen: str) -> str:
    """Choose these options, or type the words; what the page says then."""
    form = page.locator(f"form[data-quiz={quiz}]")
    form.locator("input").evaluate_all("inputs => inputs.forEach(input => { input.checked = false; })")
    for each in chosen:
        if form.locator("input[type=text]").count():
            form.locator("input[type=text]").fill(each)
        else:
            form.get_by_label(each, exact=True).check()
    said = form.locator(".quiz-feedback")
    said.evaluate("place => { place.textContent = '' }")
    form.get_by_role("button").click()
    said.locator("p").first.wait_for()
    return said.inner_text()


def is_right(page, quiz: str) -> bool:
    """Is it marked as answered rightly?"""
    return "right" in page.locator(f"form[data-quiz={quiz}]").get_attribute("class").split()


@pytest.mark.parametrize(
    "quiz, wrong, explanation, right",
    [
        ("q-one", ["net"], "only a word the kernel keeps", ["uts"]),
        ("q-many", ["pid", "cpu"], "a controller of control groups", ["pid", "ipc"]),
        ("q-words", ["zero"], "", ["ONE"]),
    ],
)
def test_a_wrong_answer_is_explained_and_a_right_one_counts(reader, quiz, wrong, explanation, right):
    """A wrong choice gets the author's explanation; then the right one is taken."""
    assert explanation in answer(reader, quiz, *wrong)
    assert not is_right(reader, quiz)

    answer(reader, quiz, *right)

    assert is_right(reader, quiz)


def test_half_of_several_is_wrong(reader):
    """All of the right options and no other."""
    answer(reader, "q-many", "pid")

    assert not is_right(reader, "q-many")


def test_a_question_is_answered_by_keys_alone(reader):
    """Tab to the question, choose by arrow or space, Enter sends it."""
    reader.locator("form[data-quiz=q-one] input").first.focus()
    reader.keyboard.press("ArrowDown")
    reader.keyboard.press("Enter")

    reader.locator("form[data-quiz=q-one].right").wait_for()
