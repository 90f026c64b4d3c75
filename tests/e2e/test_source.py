"""From a bar of the timeline to the manual and to the code that did it."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_each_step_leads_to_its_code(lab):
    """Every step of this machine's making links to man7.org and to a line of ours that defines what did it."""
    lab.locator("#xray-toggle").click()
    lab.get_by_role("tab", name="Timeline").click()
    lab.locator("#xray-view .waterfall li").first.wait_for()

    links = lab.locator("#xray-view .waterfall li a").evaluate_all(
        "links => links.map(link => [link.getAttribute('href'), link.rel])"
    )
    code = sorted({href for href, _ in links if href.startswith("/source/")})

    assert all("noopener" in rel for _, rel in links)
    assert [href for href, _ in links if not href.startswith(("/source/", "https://man7.org/linux/man-pages/man"))] == []
    assert len(code) >= 5
    for href in code:
        lab.goto(href)
        assert "def " in lab.locator(".source li:target code").inner_text(), href
