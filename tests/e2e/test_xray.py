"""The x-ray in the page: what is typed in the terminal shows in the drawing, asserted on what is drawn."""

from __future__ import annotations

import pytest

from tests.e2e.waiting import type_line, until, wait_text

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

DRAWN = "document.querySelector('#xray-view').textContent.replace(/\\s+/g, ' ')"


def open_view(page, view: str) -> None:
    """Click the view's tab and wait until something of it is drawn."""
    page.locator(f"#xray-tab-{view}").click()
    until(page, f"{DRAWN}.length > 20")


def drawn(page, text: str) -> None:
    """Wait until the drawing says this."""
    until(page, f"text => {DRAWN}.includes(text)", text, timeout=8)


def test_a_process_appears_on_both_sides(lab):
    """Processes: a background job has one number outside, another inside, and goes when it ends."""
    open_view(lab, "processes")
    type_line(lab, "sleep 771 & echo inside=$!")
    drawn(lab, "sleep 771")
    pid = lab.evaluate("/inside=(\\d+)/.exec(window.vitrine.text().split('echo').at(-1))[1]")

    row = lab.locator("#xray-view g.row", has_text="sleep 771")
    assert f"process {pid} inside" in row.get_attribute("aria-label")

    type_line(lab, "kill %1")
    until(lab, f"!{DRAWN}.includes('sleep 771')", timeout=8)


def test_a_new_namespace_lights_its_cell(lab):
    """Namespaces: `unshare --uts` gives a second uts namespace, drawn with a pattern of its own."""
    open_view(lab, "namespaces")
    type_line(lab, "unshare --uts sleep 772 &")

    until(lab, "document.querySelector('#xray-view [data-kind=uts][data-nth=\"1\"]') !== null", timeout=8)
    lab.locator('#xray-view [data-kind=uts][data-nth="1"]').click()
    until(lab, "document.querySelector('#xray-details').innerText.includes('sleep')")
    type_line(lab, "kill %1")


def test_a_busy_loop_is_drawn_as_throttled(lab):
    """Control groups: spinning against the limit is counted, and the chart has its marks."""
    open_view(lab, "cgroups")
    type_line(lab, "timeout 8 sh -c 'while :; do :; done'")

    drawn(lab, "throttled")
    assert lab.locator("xray-chart canvas").count() >= 3
    wait_text(lab, "# ")


def test_files_rise_into_the_upper_layer(lab):
    """Layers: a new file, a changed one and a deleted one are told apart."""
    open_view(lab, "layers")
    type_line(lab, "echo hi >/root/rises.txt; echo more >>/etc/issue; rm /etc/debian_version")

    for path, change in (("/root/rises.txt", "added"), ("/etc/issue", "changed"), ("/etc/debian_version", "deleted")):
        drawn(lab, path)
        assert lab.locator(f"#xray-view g.change.{change}", has_text=path).count() == 1


def test_a_listening_port_and_a_new_link_are_drawn(lab):
    """Network: links, addresses and listeners of every network namespace."""
    open_view(lab, "network")
    type_line(lab, "ip link add dummy7 type veth peer name dummy8; nc -l -p 7788 &")

    for text in ("dummy7", "dummy8", "7788"):
        drawn(lab, text)
    type_line(lab, "kill %1; ip link del dummy7")


def test_the_timeline_has_the_steps_of_the_plan(lab):
    """Timeline: how this machine was made, in milliseconds, with the manual pages."""
    open_view(lab, "timeline")

    drawn(lab, "pivot_root(2)")


def test_every_view_has_a_table(lab):
    """What is drawn can be had as a table, and the choice is remembered."""
    open_view(lab, "processes")
    lab.locator("#xray-table").click()

    for view in ("processes", "namespaces", "cgroups", "layers", "network", "timeline"):
        open_view(lab, view)
        until(lab, "document.querySelector('#xray-view table tbody tr') !== null")
    lab.locator("#xray-table").click()


def test_the_drawing_is_used_by_keyboard(lab):
    """Alt+X opens it, Tab and arrows go through it, Enter selects, Escape lets go; folded, its socket closes."""
    lab.locator("#text").focus()
    lab.keyboard.press("Alt+x")
    until(lab, f"{DRAWN}.length > 20")
    lab.locator("#xray-view [tabindex='0']").first.focus()
    lab.keyboard.press("ArrowDown")
    lab.keyboard.press("Enter")
    until(lab, "!document.querySelector('#xray-details').hidden")
    lab.locator("#xray-details button").first.focus()
    lab.keyboard.press("Escape")
    until(lab, "document.querySelector('#xray-details').hidden")

    lab.keyboard.press("Alt+x")
    until(lab, "window.vitrine.xray.panel.feed === null")


def test_hostile_names_are_only_text(lab):
    """A process and a file may be named like markup; nothing of it becomes an element."""
    open_view(lab, "processes")
    type_line(lab, "exec -a '<img src=x onerror=alert(1)>' sleep 60 & touch '/root/<b>x<i>'")
    drawn(lab, "<img src=x onerror=alert(1)>")
    open_view(lab, "layers")
    drawn(lab, "/root/<b>x<i>")

    assert lab.locator("#xray img, #xray b:not(figcaption b), #xray i:not(.track i)").count() == 0
