"""The authoring desk in a browser: a lesson from its first word to its roll-back, with real sandboxes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.e2e.conftest import end_lab
from tests.e2e.waiting import wait_prompt

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
MAKE = """
from labsite.accounts.models import User
from django.contrib.auth.models import Group
User.objects.create_user("ada", password="a very long one").groups.add(Group.objects.get(name="authors"))
"""


def picture(page, name: str) -> None:
    """Keep a picture where DESK_SHOTS says, for a person to look at."""
    if place := os.environ.get("DESK_SHOTS"):
        page.screenshot(path=Path(place) / f"desk-{name}.png", full_page=True)


@pytest.fixture
def author(visitor, site):
    """Ada, signed in, at her desk."""
    site.rows(MAKE)
    visitor.goto("/accounts/sign-in/?next=/desk/")
    visitor.fill("[name=username]", "ada")
    visitor.fill("[name=password]", "a very long one")
    visitor.keyboard.press("Enter")
    visitor.wait_for_url("**/desk/")
    return visitor


def write(page, text: str) -> None:
    """Type at the end of the text."""
    page.locator(".cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.insert_text(text)


def looks(page, name: str) -> None:
    """Wide, narrow, dark, Chinese; nothing is wider than a narrow screen."""
    picture(page, f"{name}-wide")
    page.set_viewport_size({"width": 390, "height": 844})
    picture(page, f"{name}-narrow")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1440, "height": 900})
    page.emulate_media(color_scheme="dark")
    picture(page, f"{name}-dark")
    page.emulate_media(color_scheme="light")


def test_from_the_first_word_to_the_roll_back(author):
    """Written, told its problems by line, previewed, tested, published, edited, rolled back; learners see what is published."""
    page = author
    page.fill("[name=slug]", "by-hand")
    page.fill("[name=title]", "Written by hand")
    page.get_by_role("button", name="Begin").click()
    page.wait_for_selector(".cm-content")
    write(page, "\n:::tsk{#x}\nWhat?\n:::\n")
    page.wait_for_selector(".problems li:has-text('unknown block :::tsk')")
    page.wait_for_selector(".cm-lint-marker-error")
    looks(page, "problems")
    for _ in range(3):
        page.keyboard.press("Control+z")
    page.wait_for_selector("#no-problems:not([hidden])")

    page.get_by_role("button", name="Save and preview").click()
    page.wait_for_url("**/labs/**")
    wait_prompt(page)
    assert "Written by hand" in page.title()
    end_lab(page)

    page.goto("/desk/by-hand/")
    page.get_by_role("button", name="Save and test").click()
    page.wait_for_url("**/runs/**")
    page.wait_for_selector("#run-state[data-settled=true]", timeout=60_000)
    assert "passed" == page.locator("#run-state").get_attribute("data-state"), page.locator("#run-log").inner_text()
    looks(page, "run")

    page.goto("/desk/by-hand/")
    page.get_by_role("button", name="Save and publish").click()
    page.wait_for_selector(".tag.good")
    write(page, "\nA later thought.\n")
    page.keyboard.press("Control+s")
    page.wait_for_selector(".tag:text-is('version 2')")
    page.goto("/lessons/desk/by-hand/")
    assert "A later thought." not in page.inner_text("main")

    page.goto("/desk/by-hand/versions/1/")
    assert "+A later thought." in page.inner_text(".diff")
    looks(page, "diff")
    page.get_by_role("button", name="Go back to version 1").click()
    page.wait_for_selector(".messages .success")
    assert "A later thought." not in page.locator("#desk-text").input_value()
    page.get_by_role("button", name="中文").first.click()
    page.wait_for_selector("html[lang=zh-hans]")
    picture(page, "edit-chinese")
