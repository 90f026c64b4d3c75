"""A lab with a container and a virtual machine: two terminals, and a comparison by measured values."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import end_lab
from tests.e2e.test_reading import problems
from tests.e2e.waiting import type_line, until, wait_prompt, wait_text

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
FILLED = "document.querySelectorAll('.compare-table tbody tr').length >= 12 && !document.querySelector('.compare-head button').disabled"


def cells(page, row: str) -> list[str]:
    """What the table says in a row: container, virtual machine, host."""
    return page.locator(f".compare-table tr[data-row={row}] td").all_inner_texts()


def test_two_terminals_a_table_and_a_race(visitor):
    """The machine is said to boot, then how it runs; both shells answer; each column has its own kernel, clock and cost."""
    visitor.goto("/lessons/containers/container-and-vm/")
    visitor.get_by_role("button", name="Start", exact=True).first.click()
    visitor.wait_for_url("**/labs/**")
    until(visitor, "/booting|vm running/.test(document.querySelector('#machine-state').innerText)")
    wait_prompt(visitor)
    until(visitor, "document.querySelector('#machine-state').innerText.includes('vm running · ')")
    assert visitor.locator("#tabs .coming").count() == 0
    until(visitor, "document.querySelectorAll('.panes.split .pane:not([hidden])').length === 2")

    visitor.get_by_role("tab", name="virtual machine").click()
    wait_prompt(visitor)
    type_line(visitor, "uname -r | sed s/^/guest=/")
    wait_text(visitor, "guest=6")
    kernel = visitor.evaluate("/guest=(6\\S+)/.exec(window.vitrine.text())[1]")

    visitor.locator("#xray-tab-compare").click()
    until(visitor, FILLED)
    container, machine, host = cells(visitor, "kernel")
    assert (container, machine) == (host, kernel) and kernel != host
    for row in ("start", "memory", "processes_outside"):
        assert all(text.strip() not in ("", "–") for text in cells(visitor, row)[:2]), row
    assert cells(visitor, "accelerator")[1].split()[0] in ("emulated", "KVM")
    assert "0 → 0" in cells(visitor, "uid_map")[1] and "0 → 0" not in cells(visitor, "uid_map")[0]

    visitor.locator(".race input[name=container]").fill("2")
    visitor.locator(".race button").click()
    until(visitor, "document.querySelector('.lanes')?.dataset.state === 'over'", timeout=20)
    assert visitor.locator(".lanes li[data-done=true]").count() == 3
    assert "times as long" in visitor.locator(".race [role=status]").inner_text()
    assert problems(visitor) == []
    end_lab(visitor)
