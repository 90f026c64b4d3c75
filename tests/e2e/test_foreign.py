"""A scenario written for another platform, opened where it lies: a learner notices no difference."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import end_lab
from tests.e2e.waiting import type_line, until, wait_text

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture
def flags(visitor):
    """A visitor in the lab of the Killercoda fixture."""
    visitor.goto("/lessons/killercoda/flags/")
    visitor.get_by_role("button", name="Start").first.click()
    visitor.wait_for_url("**/labs/**")
    wait_text(visitor, "ready: /tmp/flag", timeout=40)
    yield visitor
    end_lab(visitor)


def test_scripts_and_files_of_a_scenario(flags):
    """The foreground script was read by the terminal's own shell, the background script ran, files are in place."""
    type_line(
        flags,
        "echo place=$FLAG_PLACE motto=$(cat /tmp/motto) $(stat -c %a /root/motto.txt) $(sh /tools/bin/hello.sh) $(hostname)",
    )

    wait_text(flags, "place=/tmp/flag motto=per aspera 600 hello ubuntu")


def test_run_types_and_the_check_ticks(flags):
    """Check says what is missing in the verify script's own words; Run types the block; then it ticks."""
    flags.locator("#next").click()
    until(flags, "document.querySelector('.step.current').dataset.step === 'step-1'")
    task = flags.locator(".step.current .task")
    task.get_by_role("button", name="Check").click()
    task.get_by_text("There is no /tmp/flag.").wait_for()

    flags.locator(".step.current .code[data-run]").first.locator("button.run").click()
    wait_text(flags, "EOF")
    type_line(flags, "cat /tmp/template /tmp/step1-opened && echo typed-$((1+1))")
    wait_text(flags, "typed-2")
    task.get_by_role("button", name="Check").click()

    until(flags, "document.querySelector('.step.current .task').classList.contains('done')")
    assert "{{ .Values.name }}" in flags.evaluate("window.vitrine.text()")
    flags.locator(".step.current .code.inline button.run").first.click()
    wait_text(flags, "# ls /tmp")


def test_pictures_and_the_reading_page(visitor, site):
    """A picture comes from the scenario's repository; a cluster's lesson can be read and says why not run."""
    visitor.goto("/lessons/katacoda-linux/first/")
    until(visitor, "[...document.querySelectorAll('.prose img')].every(image => image.complete && image.naturalWidth > 0)")
    assert visitor.locator(".prose img").count() == 1

    visitor.goto("/lessons/katacoda-linux/second/")
    visitor.get_by_text("This lesson can be read here, but not run.").first.wait_for()
    assert visitor.get_by_role("button", name="Start").count() == 0
