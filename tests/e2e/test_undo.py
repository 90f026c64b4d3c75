"""Start this step again: in the browser, with a real machine; and the warning before the disk is full."""

from __future__ import annotations

import pytest

from tests.e2e.waiting import type_line, until, wait_prompt, wait_text

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def begin_again(lab) -> None:
    """The button, the question, and the machine is there again."""
    lab.locator("#undo").click()
    before = lab.evaluate("[...window.vitrine.machines.machines.values()][0].generation")
    lab.locator("#undo-sheet button[value=undo]").click()
    until(
        lab, f"[...window.vitrine.machines.machines.values()].every((m) => m.status === 'running' && m.generation > {before})", 20
    )
    wait_prompt(lab)


def test_a_step_is_begun_again(lab):
    """What was done in the step is gone, what was done before it is not, and the shell is a new one."""
    type_line(lab, "echo first > /root/first; echo written-$((1+1))")
    wait_text(lab, "written-2")
    # The lesson opens its steps in order; the second is opened as if the first were done.
    lab.evaluate("const { steps } = window.vitrine; steps.allowed = () => true; steps.open(steps.ids[1])")
    lab.wait_for_timeout(1500)
    type_line(lab, "echo second > /root/second; rm /root/first; echo spoilt-$((1+1))")
    wait_text(lab, "spoilt-2")

    begin_again(lab)

    type_line(lab, "cat /root/first; ls /root/second; echo looked-$((1+1))")
    wait_text(lab, "looked-2")
    seen = lab.evaluate("window.vitrine.text()")
    assert "first\n" in seen and "cannot access '/root/second'" in seen


def test_a_full_disk_is_told_before(lab):
    """What the shim says (tests/runtime/shim/test_room.py) becomes words, and goes when there is room again."""
    say = "message => window.vitrine.machines.current.stream.control({ type: 'disk', of: 'bytes', ...message })"
    lab.evaluate(say, {"percent": 93, "left": 36_000_000})
    lab.locator("#disk-notice", has_text="93 % of its disk is used, 36 MB are left").wait_for()

    lab.evaluate(say, {"percent": 60, "left": 200_000_000})

    until(lab, "document.getElementById('disk-notice').textContent === ''")
