"""The whole way without a pointer: open, type, read, leave."""

from __future__ import annotations

import pytest

from tests.e2e.waiting import until, wait_prompt, wait_text

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def tab_to(page, wanted: str, most: int = 60) -> None:
    """Press Tab until the element that has the focus matches; the focus must be visible all the way."""
    for _ in range(most):
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none" or page.evaluate("document.activeElement === document.body"), page.evaluate(
            "document.activeElement.outerHTML.slice(0, 200)"
        )
        if page.evaluate("wanted => document.activeElement.matches(wanted)", wanted):
            return
    raise AssertionError(f"Tab never reached {wanted}")


def test_by_keys_alone(visitor):
    """Tab finds every button, the terminal can be entered and left, and the end asks before it is one."""
    visitor.goto("/")
    tab_to(visitor, ".opening button")
    visitor.keyboard.press("Enter")
    visitor.wait_for_url("**/labs/**")
    wait_prompt(visitor)

    until(visitor, "document.activeElement !== null")
    if not visitor.evaluate("document.getElementById('panes').contains(document.activeElement)"):
        visitor.keyboard.press("Alt+t")
    visitor.keyboard.type("echo by-$((1+1))-keys\n")
    wait_text(visitor, "by-2-keys")

    visitor.keyboard.press("Alt+t")
    assert visitor.evaluate("document.activeElement.id") == "text"
    visitor.keyboard.press("?")
    assert visitor.locator("#help-sheet").is_visible()
    visitor.keyboard.press("Escape")

    visitor.evaluate("document.querySelector('.brand').focus()")
    tab_to(visitor, "#end")
    visitor.keyboard.press("Enter")
    tab_to(visitor, "#end-sheet .danger")
    visitor.keyboard.press("Enter")
    visitor.wait_for_url("**/lessons/**")
