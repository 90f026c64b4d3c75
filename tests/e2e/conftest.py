"""What browser tests share: one running site, one Chromium, and a fresh visitor for each test."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import server as e2e_server
from tests.e2e.waiting import wait_prompt

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip


def missing() -> str:
    """Why browser tests cannot run here, or nothing."""
    if os.geteuid() != 0:
        return "needs root, because it starts script/server"
    if not Path(CHROMIUM).exists():
        return "needs chromium"
    if not (e2e_server.IMAGES / "stamps" / "images").exists():
        return "needs the linux image (script/bootstrap)"
    return ""


@pytest.fixture(scope="session")
def site() -> Iterator[e2e_server.Server]:
    """The whole product, started as its users start it."""
    if reason := missing():
        pytest.skip(reason)
    running = e2e_server.Server()
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def browser(site: e2e_server.Server) -> Iterator[object]:
    """One Chromium for the tests of a file. Its event loop must be gone before Django's tests, which refuse one."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def visitor(browser, site):
    """A new visitor: no cookie, nothing remembered. Errors of the page fail the test."""
    context = browser.new_context(base_url=site.url, viewport={"width": 1440, "height": 900}, locale="en-GB")
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.url)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    close(context)
    assert errors == []


@pytest.fixture
def lab(visitor):
    """A visitor in a lab of "Namespaces, one by one", at a prompt; the lab is ended afterwards."""
    visitor.goto("/lessons/containers/namespaces/")
    visitor.get_by_role("button", name="Start", exact=True).first.click()
    visitor.wait_for_url("**/labs/**")
    wait_prompt(visitor)
    yield visitor
    end_lab(visitor)


def end_lab(page) -> None:
    """End the lab through its own form, whatever the page shows, and see the next page come."""
    if page.evaluate("Boolean(document.querySelector('#end-sheet form[method=post]'))"):
        with page.expect_navigation():
            page.evaluate("document.querySelector('#end-sheet form[method=post]').submit()")


def close(context) -> None:
    """Leave every page before the context goes: Chromium, asked to close one that is under way elsewhere, may never answer."""
    for page in context.pages:
        with contextlib.suppress(Exception):  # unsaved text may hold it back
            page.goto("about:blank", timeout=5000)
    context.close()
