"""What the lesson format offers in the page: saving, keys, tasks in turn, named terminals, live reload."""

from __future__ import annotations

import pytest

from tests.e2e.waiting import until, wait_prompt, wait_text

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
LESSON = "/lessons/zz-tests/format/"


@pytest.fixture
def lab(visitor):
    """A lab of the lesson, at its prompt."""
    visitor.goto(LESSON)
    visitor.locator("form[action='/labs/'] button").first.click()
    wait_prompt(visitor)
    return visitor


def test_the_reading_page_offers_nothing_dead(visitor):
    """Without a lab there is no Save, no keys, and no link into the lab."""
    visitor.goto(LESSON)

    assert visitor.locator("[data-save] button", has_text="Save").count() == 0
    assert visitor.locator("[data-keys] button").count() == 0
    assert visitor.locator("a[data-lab]").get_attribute("href") is None


def test_files_are_saved_keys_pressed_and_tasks_wait_their_turn(lab, tmp_path):
    """Save by keyboard writes the file, twice changes nothing; keys end a program; the second task opens with the first."""
    check = lab.locator("[data-task=typed] button")
    until(lab, "document.querySelector('[data-task=typed] button').disabled")
    assert ["editor", "log"] == lab.locator("#tabs .tab > span:first-child").all_inner_texts()

    for number in (0, 1, 1):
        lab.get_by_role("button", name="Save /root/app.conf").nth(number).focus()
        lab.keyboard.press("Enter")
        lab.locator("#toast", has_text="was saved").wait_for()
        until(lab, "number => !document.querySelector(`[data-save='${number}'] .run`).disabled", number)
    lab.locator("[data-run] .run").click()
    wait_text(lab, "600")
    lab.locator("[data-keys] .run").click()
    lab.locator("[data-task=saved].done").wait_for()
    until(lab, "!document.querySelector('[data-task=typed] button').disabled")
    check.click()
    lab.locator("[data-task=typed].done").wait_for()
    lab.screenshot(path=str(tmp_path / "format.png"))

    lab.locator("a[data-lab='terminal/2']").click()
    until(lab, "window.vitrine.machines.current.n === 2")


def test_saving_the_lesson_loads_the_page_and_keeps_the_shell(lab, site):
    """A fault is shown and nothing is lost; once it is mended the page loads and the shell is the same."""
    lab.evaluate("window.vitrine.machines.current.run('echo pid-$$-')")
    wait_text(lab, "pid-")
    shell = lab.evaluate("window.vitrine.text().match(/pid-(\\d+)-/)?.[1] ?? ''")
    lesson = site.lessons / "zz-tests/format/lesson.md"
    good = lesson.read_text()

    try:
        lesson.write_text(good.replace("# here\n```", "# here\n```\n\n```sh {runn}\nls\n```"))
        lab.locator(".faults", has_text="did you mean 'run'").wait_for()
        lesson.write_text(good.replace("The file is saved.", "The file is really saved."))
        lab.locator("[data-task=saved]", has_text="really saved").wait_for()
        lab.evaluate("window.vitrine.machines.current?.run('echo again-$$-')")
        wait_text(lab, f"again-{shell}-")
    finally:
        lesson.write_text(good)
