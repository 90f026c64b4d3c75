"""Wait for something in the page without `eval`, which the site's content security policy refuses."""

from __future__ import annotations

import time
from typing import Any


def until(page: Any, expression: str, arg: Any = None, *, timeout: float = 15.0, every: float = 0.05) -> None:
    """Ask again and again until a JavaScript expression or function is true."""
    deadline = time.monotonic() + timeout
    while not page.evaluate(expression, arg):
        if time.monotonic() > deadline:
            seen = page.evaluate("window.vitrine?.text() ?? document.body.innerText")
            raise AssertionError(f"never true: {expression} ({arg!r}); the page showed:\n{seen[-1500:]}")
        page.wait_for_timeout(every * 1000)


def wait_text(page: Any, text: str, timeout: float = 15.0) -> None:
    """Wait until the terminal in front holds a text."""
    until(page, "text => Boolean(window.vitrine?.text().includes(text))", text, timeout=timeout)


def wait_prompt(page: Any, timeout: float = 30.0) -> None:
    """Wait for root's prompt."""
    until(page, "/# ?$/.test(window.vitrine?.text() ?? '')", timeout=timeout)


def type_line(page: Any, line: str) -> None:
    """Type a line into the terminal in front, by key events."""
    page.evaluate("window.vitrine.machines.current.focus()")
    page.keyboard.type(line + "\n")
