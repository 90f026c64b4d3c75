"""The course, played from first to last step as a student would: Run is clicked, questions are answered, solutions typed."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest

from labsite.labs.replay import stays
from lessons import catalog
from lessons.elements import Lesson, Quiz, Run, Step, Task
from tests.e2e.conftest import end_lab
from tests.e2e.waiting import until, wait_prompt

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.nightly]
COURSE = "containers"
TEXT = "([machine, n]) => window.vitrine.machines.pane(machine, n)?.text() ?? ''"
PROMPT = re.compile(r"[#$] ?$")
SHOTS = os.environ.get("VITRINE_SHOTS")  # a directory, for whoever wants to look at every step
LESSONS = catalog.settings_of(COURSE).entries


@pytest.mark.parametrize("slug", LESSONS)
def test_a_lesson_can_be_played_to_its_end(visitor, slug):
    """Every step opens when the one before is done, and its tasks tick themselves."""
    lesson = start(visitor, slug)

    try:
        for number, step in enumerate(lesson.steps):
            play(visitor, step)
            if SHOTS:
                visitor.screenshot(path=str(Path(SHOTS) / f"{slug}-{number + 1}.png"))
            if step is not lesson.steps[-1]:
                visitor.locator("#next").click()
                visitor.locator(f"#step-{lesson.steps[number + 1].id}.current").wait_for()
        assert visitor.locator(".step-list a.locked").count() == 0
    finally:
        end_lab(visitor)


def start(page, slug: str) -> Lesson:
    """One click to a prompt; the lesson with the values of this attempt."""
    page.goto(f"/lessons/{COURSE}/{slug}/")
    page.get_by_role("button", name="Start", exact=True).first.click()
    page.wait_for_url("**/labs/**")
    wait_prompt(page, timeout=90)
    code = re.search(r"/labs/(\w+)", page.url)
    assert code
    return catalog.get(COURSE, slug, seed=code[1])


def play(page, step: Step) -> None:
    """What the text offers, in its order; then its questions; then what it asks for."""
    blocks = page.locator(".step.current").locator("[data-run], [data-save], [data-keys]")
    for number, action in enumerate(step.actions):
        if isinstance(action, Run) and action.skip:
            continue
        patience = action.timeout if isinstance(action, Run) else 5
        rest = stays(action, step.actions[number + 1 :])
        act(page, action, rest, patience, blocks.nth(number).locator("button.run"))
    for quiz in step.quizzes:
        answer(page, quiz)
    for task in step.tasks:
        solve(page, task)


def act(page, action, rest: bool, patience: float, button) -> None:
    """Click, and wait as one waits: for the prompt, or, of a program that stays, for its first words."""
    seat = front(page, getattr(action, "machine", ""), getattr(action, "terminal", 1))
    before = page.evaluate(TEXT, seat)
    button.click()
    if isinstance(action, Run) and not rest:
        until(page, f"([seat, before]) => ({TEXT})(seat) !== before", [seat, before])
        settle(page, seat, patience)
    else:
        page.wait_for_timeout(500)


def front(page, machine: str, terminal: int = 1) -> list:
    """The terminal this belongs to, once it shows something: its machine and number."""
    seat = [machine, terminal]
    until(page, f"seat => ({TEXT})(seat).trim() !== ''", seat, timeout=90)
    return seat


def settle(page, seat: list, patience: float) -> None:
    """Until the prompt is back. What a program in the background prints may come after it: then Enter, as anybody would."""
    end = time.monotonic() + patience + 60
    seen, since = "", time.monotonic()
    while time.monotonic() < end:
        text = page.evaluate(TEXT, seat)
        if text != seen:
            seen, since = text, time.monotonic()
        quiet = time.monotonic() - since
        if quiet > 0.5 and PROMPT.search(text):
            return
        if quiet > 5:
            type_in(page, seat, "\n")
        page.wait_for_timeout(100)
    raise AssertionError(f"no prompt; the terminal shows:\n{seen[-1500:]}")


def type_in(page, seat: list, text: str) -> None:
    """By key events."""
    page.evaluate("([machine, n]) => window.vitrine.machines.pane(machine, n).focus()", seat)
    page.keyboard.type(text)


def answer(page, quiz: Quiz) -> None:
    """A wrong answer is explained, the right one is taken."""
    form = page.locator(f".step.current form[data-quiz='{quiz.id}']")
    if quiz.kind == "text":
        return
    wrong = next(option for option in quiz.options if not option.right)
    for chosen in ([wrong.id], [option.id for option in quiz.options if option.right]):
        form.locator("input").evaluate_all("inputs => inputs.forEach(input => { input.checked = false; })")
        for each in chosen:
            form.locator(f"input[value='{each}']").check()
        form.get_by_role("button").click()
        form.locator(".quiz-feedback p").first.wait_for()
    page.locator(f".step.current form.right[data-quiz='{quiz.id}']").wait_for()


def solve(page, task: Task) -> None:
    """Type the solution, unless what the text offered has done it already."""
    element = page.locator(f".step.current [data-task='{task.id}']")
    if is_done(page, element, task, 4):
        return
    assert task.solution
    seat = front(page, task.solution.machine)
    type_in(page, seat, task.solution.source.rstrip("\n") + "\n")
    settle(page, seat, 60)
    assert is_done(page, element, task, 60), element.inner_text() + "\n" + page.evaluate(TEXT, seat)[-1500:]


def is_done(page, element, task: Task, patience: float) -> bool:
    """Does it tick itself in that time, or say that it is done when asked?"""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if "done" in (element.get_attribute("class") or "").split():
            return True
        button = element.locator(".task-foot button")
        if not task.auto and button.is_enabled():
            button.click()
        page.wait_for_timeout(200)
    return False
