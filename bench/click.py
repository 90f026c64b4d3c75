"""From the click on "Open a container" to the shell's prompt in xterm.js, in Chromium, on a warm site.

One visitor opens a lab, meets its prompt, ends it, and again. Both moments are read from the page's own
clock: the click event's, and that of the first look, every 4 ms, at which the screen's text ends in a prompt.
In between lies a page load, so the first moment is handed over in the tab's session storage.
"""

from __future__ import annotations

import shutil
import time
from typing import Any

from bench.peers import say
from bench.report import OURS, Series, Table
from bench.server import own_site

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
WATCH = """
const now = () => performance.timeOrigin + performance.now();
addEventListener("click", () => sessionStorage.setItem("bench-click", now()), { capture: true });
if (location.pathname.startsWith("/labs/")) {
  const timer = setInterval(() => {
    if (!/# ?$/.test(window.vitrine?.text() ?? "")) return;
    clearInterval(timer);
    const nav = performance.getEntriesByType("navigation")[0];
    const at = (ms) => performance.timeOrigin + ms - Number(sessionStorage.getItem("bench-click"));
    window.benchMoments = { "page answered": at(nav.responseEnd), "page ready": at(nav.domContentLoadedEventEnd),
      prompt: at(performance.now()) };
  }, 4);
}
"""
PARTS = ("page answered", "page ready", "prompt")
PATIENCE = 30.0


def moments(page: Any) -> dict[str, float]:
    """Click; milliseconds from the click to each moment on the way."""
    page.get_by_role("button", name="Open a container").click(no_wait_after=True)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        page.wait_for_timeout(50)
        if page.url.partition("/labs/")[1] and (found := page.evaluate("window.benchMoments")):
            return found
    raise TimeoutError(f"no prompt within {PATIENCE:.0f} s of the click at {page.url}")


def end_lab(page: Any) -> None:
    """End the lab by its own form, and go back to the first page."""
    with page.expect_navigation():
        page.evaluate("document.querySelector('#end-sheet form[method=post]').submit()")
    page.goto("/")
    page.wait_for_timeout(500)


def click(rounds: int) -> Table:
    """So many clicks, after three that warm the site and the browser's cache."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or "/usr/bin/chromium"
    found: list[dict[str, float]] = []
    with own_site() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        context = browser.new_context(base_url=server.url, viewport={"width": 1440, "height": 900}, locale="en-GB")
        context.add_init_script(WATCH)
        page = context.new_page()
        page.goto("/")
        say(f"click: {rounds} labs opened in Chromium")
        for _ in range(rounds + 3):
            found.append(moments(page))
            end_lab(page)
        browser.close()
    names = {part: OURS if part == "prompt" else f"  {part}" for part in PARTS}
    series = [Series(names[part], "", [one[part] for one in found[3:]]) for part in PARTS]
    return Table("click to prompt in Chromium", "ms", series[::-1])
