"""What the terminal in the page does beside echoing: copying, looks, several viewers, words when something is lost."""

from __future__ import annotations

import pytest

from tests.e2e.waiting import type_line, until, wait_prompt, wait_text

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

STATUS = "document.querySelector('.pane:not([hidden]) .pane-status').textContent"
SELECT = """text => { const { term } = window.vitrine.machines.current.screen;
  for (let n = 0; n < term.buffer.active.length; n += 1)
    if (term.buffer.active.getLine(n).translateToString(true) === text) term.select(0, n, text.length); }"""


def test_ctrl_c_copies_what_is_selected_and_else_interrupts(lab):
    """With a selection Ctrl+C copies it and the program goes on; without one it interrupts."""
    type_line(lab, "clear; echo keep''-me; sleep 1000; echo ended-$((1+1))")
    until(lab, "/^keep-me$/m.test(window.vitrine.text())")
    lab.evaluate(SELECT, "keep-me")

    lab.keyboard.press("Control+c")
    until(lab, "() => navigator.clipboard.readText().then((text) => text === 'keep-me')")
    assert "^C" not in lab.evaluate("window.vitrine.text()")

    lab.keyboard.press("Control+c")
    wait_text(lab, "^C")


def test_letters_and_colours_change_at_once_and_stay(lab):
    """Size and theme of the letters apply to the open terminal, its program is told, and a reload keeps them."""
    before = lab.evaluate("window.vitrine.machines.current.screen.size().cols")
    lab.get_by_role("button", name="Keys and settings").click()
    lab.locator("#font-size").fill("20")
    lab.locator("#terminal-theme").select_option("light")
    lab.keyboard.press("Escape")

    until(lab, "window.vitrine.machines.current.screen.term.options.fontSize === 20")
    after = lab.evaluate("window.vitrine.machines.current.screen.size()")
    assert after["cols"] < before
    until(lab, "window.vitrine.machines.current.screen.term.options.theme.background !== '#15181b'")
    lab.wait_for_timeout(200)  # the page tells the size once it rests
    type_line(lab, "stty size")
    wait_text(lab, f"{after['rows']} {after['cols']}")

    lab.reload()
    until(lab, "window.vitrine?.machines.current?.screen?.term.options.fontSize === 20")


def test_two_pages_share_a_terminal_until_the_lab_ends(lab):
    """F-19: A second page sees what the first types, both are told; when one ends the lab the other's terminal says so."""
    second = lab.context.new_page()
    second.goto(lab.url)
    wait_prompt(second)
    until(lab, STATUS + ".includes('2')")
    type_line(lab, "echo both-$((1+1))")
    wait_text(second, "both-2")

    second.evaluate("document.querySelector('#end-sheet form[method=post]').submit()")

    until(lab, STATUS + ".includes('has ended')")
    assert lab.locator("#ended-sheet").is_visible()


def test_a_loss_is_told_in_words_and_mended(lab):
    """While the server cannot be reached the page says that it tries again and that the shell goes on; then that it is back."""
    lab.evaluate("window.vitrine.machines.current.stream.socket.ws.close()")

    until(lab, STATUS + ".includes('trying again')", every=0.02)
    until(lab, "document.getElementById('toast').textContent.includes('nothing was lost')")
    until(lab, STATUS + " === ''")
