"""A session is recorded with consent, replayed on one time-line, shared by a link, and deleted."""

from __future__ import annotations

import json
import re

import pytest

from tests.e2e.test_deaths import kill_all
from tests.e2e.waiting import type_line, until, wait_text

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

DRAWN = "document.querySelector('#xray-view').textContent.replace(/\\s+/g, ' ')"
HOSTILE = "<img src=x onerror=alert(1)>"


def record(page) -> None:
    """Press Record, read what is kept, agree."""
    page.locator("#record").click()
    assert "keys are not recorded" in page.locator("#record-sheet").inner_text()
    page.get_by_role("button", name="Agree and record").click()
    until(page, "document.querySelector('#record').getAttribute('aria-pressed') === 'true'")


def passes(page) -> None:
    """Wait until the mark's clock, which goes with what has been written, has gone on twice: two seconds and more."""
    for _ in range(2):
        before = page.locator("#record-time").inner_text()
        until(page, "before => document.querySelector('#record-time').textContent !== before", before, timeout=30)


def do_something(page) -> None:
    """Something at the beginning, a process with an odd name that the x-ray sees, something at the end."""
    type_line(page, "echo be''ginning")
    wait_text(page, "\nbeginning")
    type_line(page, f"bash -c 'exec -a \"{HOSTILE}\" sleep 774' &")
    passes(page)
    type_line(page, "kill %1; echo en''ding")
    wait_text(page, "\nending")
    passes(page)


def stop(page) -> str:
    """Stop; the address of the recording."""
    page.locator("#record").click()
    page.get_by_role("button", name="Stop recording").click()
    page.locator("#recorded").wait_for()
    return page.locator("#recorded").get_attribute("href")


def replayed(page, address: str) -> None:
    """The terminal at the end, at the beginning, and the x-ray between, by keyboard."""
    page.goto(address)
    until(page, "Boolean(window.vitrine?.replay)")
    wait_text(page, "\nending")
    page.locator("#moment").focus()
    page.keyboard.press("Home")
    until(page, "!window.vitrine.text().includes('beginning')")
    page.locator("#xray-tab-processes").click()
    moments = page.evaluate("window.vitrine.replay.journal.sights.map(event => event[0])")
    seen = False
    for moment in moments:
        page.evaluate("at => window.vitrine.replay.player.seek(at)", moment)
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        seen = seen or "sleep 774" in page.evaluate(DRAWN) or HOSTILE in page.evaluate(DRAWN)
    assert seen, moments
    assert 0 == page.locator("#xray-view img").count()


def test_record_replay_share_delete(lab, browser, site):
    """What was done is seen again, by others only through the link, by nobody once it is deleted."""
    record(lab)
    do_something(lab)
    address = stop(lab)
    code = address.strip("/").rpartition("/")[2]
    replayed(lab, address)

    file = lab.request.get(f"{address}box-1.cast").text().splitlines()
    assert 2 == json.loads(file[0])["version"]
    assert "ending" in "".join(json.loads(line)[2] for line in file[1:])

    lab.locator("summary").click()
    lab.get_by_role("button", name="Make a link").click()
    lab.locator("summary").click()
    link = lab.locator("#share-link").input_value()
    other = browser.new_context(base_url=site.url).new_page()
    assert 404 == other.goto(address).status
    assert 200 == other.goto(link).status
    wait_text(other, "\nending")
    assert 0 == other.get_by_text("Delete the recording").count()

    lab.get_by_role("button", name="Delete the recording").click()
    assert "There are none" in lab.locator("main").inner_text()
    assert 404 == other.goto(link).status
    other.context.close()
    assert not (site.state / "recordings" / code).exists()
    lab.go_back()


@pytest.mark.nightly
def test_a_recording_outlives_its_server(lab, site):
    """F-01: After kill -9 of Daphne the page starts the recorder again; what was printed meanwhile is there, once, in order."""
    record(lab)
    type_line(lab, "for i in $(seq 1 60); do echo tick=$i=; sleep 0.1; done; echo counted-$((1+1))")
    wait_text(lab, "tick=5=")
    assert kill_all(site.run, "daphne") >= 1
    wait_text(lab, "counted-2", timeout=60)
    until(lab, "window.vitrine.machines.current.connected", timeout=60)
    passes(lab)  # the recorder has taken up what it missed
    address = stop(lab)
    lines = lab.request.get(f"{address}box-1.cast").text().split("\n")[1:-1]
    text = "".join(data for _, code, data in map(json.loads, lines) if code == "o")

    assert [str(n) for n in range(1, 61)] == re.findall(r"tick=(\d+)=\r", text)
