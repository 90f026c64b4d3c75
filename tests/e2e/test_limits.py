"""What a learner reads when there is no more: no more labs for her, no room on the node, no more time."""

from __future__ import annotations

import pytest

from tests.e2e.waiting import until, wait_prompt

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
OTHER = "/lessons/zz-tests/questions/"


def lab_of(page) -> str:
    """The code in the lab page's address."""
    return page.url.split("/labs/")[1].split("/")[0]


def test_a_second_lab_is_refused_with_a_way_on(lab):
    """A guest who wants another lab is told how many she may have, can end the one she has, and go on."""
    lab.goto(OTHER)
    lab.get_by_role("button", name="Start").first.click()

    said = lab.get_by_role("alert")
    assert "You may have 1 lab open at a time." in said.inner_text()
    assert "With an account you may have 3." in said.inner_text()

    said.get_by_role("button", name="End it").click()
    lab.wait_for_url(f"**{OTHER}")
    lab.get_by_role("button", name="Start").first.click()

    lab.wait_for_url("**/labs/**")
    wait_prompt(lab)


@pytest.fixture
def full_node(site):
    """Rows that fill the node; they belong to another one, so nothing here looks for their machines."""
    site.rows(
        "from labsite.accounts.models import User\n"
        "someone = User.objects.create_guest()\n"
        "lab = LabSession.objects.create(user=someone, lesson='x/y', expires_at=timezone.now() + timedelta(hours=1))\n"
        "Sandbox.objects.bulk_create(Sandbox(lab=lab, name=f'm{n}', status='running', node='elsewhere') for n in range(100))"
    )
    yield
    site.rows("LabSession.objects.filter(lesson='x/y').delete()")


def test_a_full_node_shows_the_place_in_line(visitor, site, full_node):
    """On a full node the page says which place she has, and her machine starts by itself when there is room."""
    visitor.goto("/")
    visitor.get_by_role("button", name="Open a container").click()
    visitor.wait_for_url("**/labs/**")

    until(visitor, "document.getElementById('notice').textContent.includes('Place in the line: 1.')")
    assert "box waiting in line" in visitor.locator("#machine-state").inner_text()

    site.rows("Sandbox.objects.filter(node='elsewhere').update(status='stopped')")
    site.manage("reconcile")
    wait_prompt(visitor)


def test_the_end_is_announced_and_can_be_put_off(lab, site):
    """Five minutes before the end the page says so; one button gives more time."""
    code = lab_of(lab)
    site.rows(f"LabSession.objects.filter(code='{code}').update(expires_at=timezone.now() + timedelta(minutes=3))")
    site.manage("reconcile")

    lab.get_by_role("heading", name="Time is nearly up").wait_for()
    assert "The lab ends in 3 min." in lab.locator("#expiring-text").inner_text()
    lab.locator("#expiring-sheet").get_by_role("button", name="More time").click()

    until(lab, "Number(document.getElementById('time-left').textContent.split(':')[0]) >= 32")


def test_the_idle_are_asked_first(lab, site):
    """Before a lab is taken from someone who seems gone, the page asks; to answer is to be there."""
    code = lab_of(lab)
    site.rows(f"LabSession.objects.filter(code='{code}').update(active_at=timezone.now() - timedelta(minutes=18))")
    site.manage("reconcile")

    lab.get_by_role("heading", name="Are you still there?").wait_for()
    assert "In 2 min" in lab.locator("#idle-text").inner_text()
    lab.get_by_role("button", name="I am here").click()

    fresh = f"print(LabSession.objects.filter(code='{code}', active_at__gt=timezone.now() - timedelta(minutes=1)).exists())"
    assert any("True" in site.rows(fresh) for _ in range(5))


def test_an_end_unasked_says_why(lab, site):
    """When it is over all the same, the page says why, and offers the text of the terminals."""
    code = lab_of(lab)
    site.rows(f"LabSession.objects.filter(code='{code}').update(active_at=timezone.now() - timedelta(hours=1))")
    site.manage("reconcile")

    lab.get_by_role("heading", name="This lab has ended").wait_for()
    assert "Nothing had been typed for a long time" in lab.locator("#ended-text").inner_text()
    assert lab.get_by_role("button", name="Save the terminal’s text").last.is_visible()
