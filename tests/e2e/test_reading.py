"""The pages themselves: both languages, both themes, narrow, without scripts, for everyone."""

from __future__ import annotations

import pytest

from tests.e2e.server import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
AXE = "node_modules/axe-core/axe.min.js"
LESSON = "/lessons/containers/namespaces/"
SOURCE = "/source/runtime/plan.py"


def problems(page) -> list[str]:
    """What axe finds against WCAG 2.2 AA, as one line each."""
    page.evaluate((ROOT / AXE).read_text() + "; 0")
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    found = page.evaluate("tags => axe.run({ runOnly: tags })", tags)["violations"]
    return [f"{each['id']}: {node['target']} {node['failureSummary']}" for each in found for node in each["nodes"]]


@pytest.mark.parametrize("path", ["/", LESSON, "/accounts/sign-in/", "/accounts/sign-up/", "/source/", SOURCE, "/no-such-page/"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_meet_wcag(visitor, path, scheme):
    """Every page, in both themes, passes the machine-checkable part of WCAG 2.2 AA."""
    visitor.emulate_media(color_scheme=scheme)
    visitor.goto(path)

    assert problems(visitor) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_lab_meets_wcag(lab, scheme):
    """So does the lab."""
    lab.emulate_media(color_scheme=scheme)

    assert problems(lab) == []


@pytest.mark.parametrize("path", ["/", LESSON, "/accounts/sign-in/", "/source/", SOURCE, "/no-such-page/"])
def test_nothing_sticks_out_of_a_narrow_page(visitor, path):
    """At 390 pixels nothing makes the page scroll sideways."""
    visitor.set_viewport_size({"width": 390, "height": 844})
    visitor.goto(path)

    assert visitor.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_language_changes_without_losing_the_page(visitor):
    """The switch gives the same page in the other language."""
    visitor.goto(LESSON)

    visitor.get_by_role("button", name="中文").click()

    visitor.wait_for_url(f"**{LESSON}")
    assert visitor.locator("html").get_attribute("lang") == "zh-hans"
    assert visitor.get_by_role("button", name="开始").count() > 0


def test_the_theme_is_kept(visitor):
    """A chosen theme is there on the next page, from the server, before any script runs."""
    visitor.goto("/")

    visitor.get_by_role("button", name="Light or dark").click()
    visitor.goto(LESSON)

    assert visitor.locator("html").get_attribute("data-theme") == "dark"


def test_a_lesson_reads_without_scripts(browser, site):
    """Without JavaScript a lesson shows all its steps and its Start button."""
    context = browser.new_context(base_url=site.url, java_script_enabled=False)
    page = context.new_page()
    page.goto(LESSON)

    assert page.locator(".prose .step").count() >= 4
    assert all(step.is_visible() for step in page.locator(".prose .step").all())
    context.close()


def test_a_stranger_finds_no_lab(lab, browser, site):
    """Another visitor who knows the address gets the page for what does not exist."""
    context = browser.new_context(base_url=site.url)
    answer = context.new_page().goto(lab.url)

    assert answer.status == 404
    context.close()
