"""The way a newcomer goes: open, type, tick, lose the network, end."""

from __future__ import annotations

import re

import pytest

from tests.e2e.waiting import type_line, until, wait_prompt, wait_text

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_one_click_to_a_prompt(lab):
    """One click on the first page leads to a shell that is root in a machine of its own."""
    type_line(lab, "echo uid=$(id -u) init=$(cat /proc/1/comm)")

    wait_text(lab, "uid=0 init=init")


def test_run_types_exactly_what_is_shown(lab):
    """The Run button types the block's text into the terminal, with Enter."""
    block = lab.locator(".step.current .code[data-run]").first
    command = block.get_attribute("data-run")

    block.locator("button.run").click()

    wait_text(lab, f"# {command.splitlines()[0]}")


def test_unicode_survives_the_way(lab):
    """Chinese, accents and emoji typed by the reader come back whole."""
    lab.evaluate("window.vitrine.machines.current.stream.input('echo [é 容器 🧪]\\r')")

    until(lab, "window.vitrine.text().split('[é 容器 🧪]').length >= 3")


def test_resize_reaches_the_program(lab):
    """stty inside says what the page measures."""
    lab.set_viewport_size({"width": 1100, "height": 700})
    lab.wait_for_timeout(400)
    size = lab.evaluate("window.vitrine.machines.current.screen.size()")

    type_line(lab, "stty size")

    wait_text(lab, f"{size['rows']} {size['cols']}")


def test_a_lost_socket_loses_no_output(lab):
    """F-25: While the socket is away the program goes on; afterwards every line is there once."""
    type_line(lab, "for i in $(seq 1 60); do echo line=$i=; sleep 0.05; done; echo all-$((1+1))")
    wait_text(lab, "line=5=")

    lab.evaluate("window.vitrine.machines.current.stream.socket.ws.close()")
    wait_text(lab, "all-2", timeout=20)

    seen = re.findall(r"^line=(\d+)=$", lab.evaluate("window.vitrine.text()"), re.M)
    assert seen == [str(n) for n in range(1, 61)]


def test_a_reload_brings_the_screen_back(lab):
    """The terminal belongs to the machine, not to the page."""
    type_line(lab, "echo kept-$((40+2)); PS1='still# '")
    wait_text(lab, "kept-42")

    lab.reload()

    until(lab, "window.vitrine?.text().includes('kept-42')")
    type_line(lab, "echo same-shell-$PS1")
    wait_text(lab, "same-shell-still#")


def test_interrupt_in_a_flood(lab):
    """Ctrl-C in a flood gives the prompt back: the server waits for the page, so little is on its way.

    Without that the page is tens of megabytes behind, which takes it longer than this waits.
    """
    type_line(lab, "yes 0123456789012345678901234567890123456789")
    lab.wait_for_timeout(2000)

    lab.keyboard.press("Control+c")

    until(lab, "/#\\s*$/.test(window.vitrine.text())", timeout=5, every=0.02)


def test_copy_and_paste_by_the_usual_keys(lab):
    """Ctrl+Shift+C copies the selection, Ctrl+Shift+V types it."""
    type_line(lab, "clear; echo copy''-me")
    until(lab, "/^copy-me$/m.test(window.vitrine.text())")
    lab.evaluate("""() => { const { term } = window.vitrine.machines.current.screen;
        for (let n = 0; n < term.buffer.active.length; n += 1)
          if (term.buffer.active.getLine(n).translateToString(true) === 'copy-me') term.select(0, n, 7); }""")

    lab.keyboard.press("Control+Shift+C")
    until(lab, "document.getElementById('toast').textContent !== ''")
    lab.keyboard.type("echo [")
    lab.keyboard.press("Control+Shift+V")
    lab.keyboard.type("]\n")

    until(lab, "/^\\[copy-me\\]$/m.test(window.vitrine.text())")


def test_a_hostile_title_is_text(lab):
    """W-12: A program's title is shown as text, cut short, without control characters."""
    type_line(lab, r"printf '\033]0;<img src=x onerror=alert(1)>%0200d\007' 1")

    until(lab, "document.querySelector('.tab-title').textContent.startsWith('<img src=x')")
    assert lab.locator(".tab-title img").count() == 0
    assert len(lab.locator(".tab-title").first.text_content()) <= 80


def test_a_link_is_asked_about(lab):
    """W-15: A link printed in the terminal opens only after the reader has seen it whole."""
    lab.evaluate("void window.vitrine.machines.page.openLink('https://example.org/x')")

    assert lab.locator("#link-text").text_content() == "https://example.org/x"
    assert len(lab.context.pages) == 1
    lab.keyboard.press("Escape")


def test_only_web_links_are_links(lab):
    """W-15: javascript: and file: never reach the question."""
    lab.evaluate("void window.vitrine.machines.page.openLink('javascript:alert(1)')")

    assert not lab.locator("#link-sheet").is_visible()


def test_several_terminals_are_several_shells(lab):
    """A second terminal is another shell in the same machine."""
    type_line(lab, "touch /tmp/from-the-first")
    lab.evaluate("window.vitrine.machines.pane('', 2)")
    wait_prompt(lab)

    type_line(lab, "ls /tmp")

    wait_text(lab, "from-the-first")


def test_a_shell_that_ended_can_be_opened_anew(lab):
    """After exit the page says so, and Enter gives a new shell."""
    type_line(lab, "exit 3")
    until(lab, "document.querySelector('.pane:not([hidden]) .pane-status').textContent.includes('3')")

    lab.keyboard.press("Enter")

    wait_prompt(lab)
    type_line(lab, "echo anew-$((2+3))")
    wait_text(lab, "anew-5")


def test_a_task_ticks_while_the_learner_types(lab):
    """A task says why not yet, then ticks by itself once the work is done in the terminal."""
    task = lab.locator(".step.current .task[data-auto]").first
    task.locator(".task-message").filter(has_text=re.compile(".")).wait_for(timeout=15_000)
    assert "done" not in task.get_attribute("class")

    type_line(lab, "readlink /proc/self/ns/uts > ~/uts")

    until(lab, "document.querySelector('.step.current .task[data-auto]').classList.contains('done')")


def test_screen_reader_mode_reads_lines(lab):
    """In screen-reader mode the terminal's rows are in the accessibility tree."""
    lab.keyboard.press("Escape")
    lab.get_by_role("button", name="Keys and settings").click()
    lab.locator("#screen-reader").check()
    lab.keyboard.press("Escape")
    type_line(lab, "echo heard-$((1+1))")

    lab.locator(".xterm-accessibility", has_text="heard-2").wait_for(state="attached")


def test_the_divider_moves_by_keys_and_remembers(lab):
    """Arrow keys move the divider; the next page has it where it was left."""
    divider = lab.get_by_role("separator")
    before = float(divider.get_attribute("aria-valuenow"))

    divider.focus()
    lab.keyboard.press("ArrowRight")
    lab.reload()

    assert float(lab.get_by_role("separator").get_attribute("aria-valuenow")) == before + 2


def test_end_says_what_is_lost_and_ends(visitor):
    """Ending asks first; afterwards the lab's address is that of nothing."""
    visitor.goto("/")
    visitor.get_by_role("button", name="Open a container").click()
    visitor.wait_for_url("**/labs/**")
    wait_prompt(visitor)

    visitor.get_by_role("button", name="End", exact=True).click()
    visitor.get_by_role("button", name="End the lab").click()

    visitor.wait_for_url("**/lessons/**")
    assert visitor.get_by_role("button", name="Start").count() > 0
