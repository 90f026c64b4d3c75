"""Coming back: after the lab has ended, after signing in, what was done is still done."""

from __future__ import annotations

import pytest

from tests.e2e.waiting import type_line, until, wait_prompt, wait_text

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
LESSON = "/lessons/containers/namespaces/"
TICKED = "document.querySelector('.step.current .task[data-auto]').classList.contains('done')"


def test_a_learner_goes_on_where_she_stopped(lab):
    """Task and step outlive the lab: the map and the lesson show them, the next lab opens there, an account takes them along.

    The machine is a new one: what she did before is done again in it, if she wants.
    """
    type_line(lab, "readlink /proc/self/ns/uts > ~/uts")
    until(lab, TICKED)
    lab.get_by_role("button", name="Next").click()
    step = lab.locator(".step.current h1").inner_text()
    lab.get_by_role("button", name="End", exact=True).click()
    lab.get_by_role("button", name="End the lab").click()
    lab.wait_for_url("**/lessons/**")

    lab.goto("/accounts/sign-up/")
    for label, text in (
        ("Username", f"lena-{id(lab)}"),
        ("Password", "correct horse battery"),
        ("Password confirmation", "correct horse battery"),
    ):
        lab.get_by_label(label, exact=True).fill(text)
    lab.locator("form.form").get_by_role("button", name="Create an account").click()

    lab.goto("/")
    assert "1 of" in lab.locator(".card .done").first.inner_text()

    lab.goto(LESSON)
    assert step in lab.locator(".start .aside").first.inner_text()
    lab.get_by_role("button", name="Go on").first.click()
    lab.wait_for_url("**/labs/**")
    wait_prompt(lab)

    assert step == lab.locator(".step.current h1").inner_text()
    lab.get_by_role("button", name="Back").click()
    assert "done in an earlier lab" in lab.locator(".step.current .task[data-auto] .task-state").first.inner_text()

    lab.get_by_role("button", name="Next").click()
    lab.get_by_role("button", name="Do those steps for me").click()
    until(lab, "document.querySelector('#catch-up-words').textContent.includes('are done again')", timeout=20)
    type_line(lab, "grep -c uts ~/uts; echo there''-$?")
    wait_text(lab, "there-0")


def test_signing_in_beside_an_open_lab(lab, site):
    """T-14: A guest who signs up in one tab is told in the other; after reloading it is the same shell, in her account."""
    type_line(lab, "echo shell-$$; mine=kept")
    wait_text(lab, "shell-")
    site.rows(
        "from labsite.accounts.models import User; User.objects.create_user('otto-beside', password='correct horse battery')"
    )
    beside = lab.context.new_page()
    beside.goto("/accounts/sign-in/")
    beside.get_by_label("Username").fill("otto-beside")
    beside.get_by_label("Password").fill("correct horse battery")
    beside.locator("form.form").get_by_role("button", name="Sign in").click()
    beside.wait_for_url("**/")
    beside.close()

    lab.get_by_role("heading", name="This page must be loaded again").wait_for(timeout=40_000)
    with lab.expect_navigation():
        lab.get_by_role("button", name="Reload").click()
    wait_text(lab, "shell-")

    type_line(lab, "echo still-$mine")
    wait_text(lab, "still-kept")
