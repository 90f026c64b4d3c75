"""What a program in the machine may write to the terminal, and what comes of it in the page: text, and nothing else."""

from __future__ import annotations

import contextlib

import pytest

from tests.e2e.waiting import type_line, until, wait_prompt, wait_text

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def written(lab, escape: str) -> None:
    """Have the shell write an escape sequence, then a word that shows it has been drawn."""
    type_line(lab, f"clear; printf '{escape}'; echo dra''wn")
    wait_text(lab, "drawn")


def test_nothing_is_typed_back(lab):
    """W-13, W-16: Asked for its title or settings the terminal types no text of a program's choice; what it must answer is short."""
    for ask in (r"\033]0;touch /tmp/pwned\007\033[21t", r"\033P$q\"touch /tmp/pwned\033\\", r"\033[20t\033[19t\033[18t"):
        written(lab, ask)
    for _ in range(6):  # an answer may come late, into the next line: that line is typed again
        lab.keyboard.press("Enter")  # were anything typed, this would run it
        lab.keyboard.press("Control+c")
        type_line(lab, "clear; test -e /tmp/pwned; echo stat''us-$?")
        with contextlib.suppress(AssertionError):
            until(lab, r"/^status-[01]$/m.test(window.vitrine.text())", timeout=5)
            break

    assert "status-1" in lab.evaluate("window.vitrine.text()")


def test_a_flood_of_questions_is_survived(lab):
    """W-16: Five thousand times asked where its cursor is, the terminal answers and goes on: Ctrl-C, and the shell does what it is told."""
    type_line(
        lab,
        r"stty -echo; for i in $(seq 5000); do printf '\033[6n'; done; timeout 2 cat > /dev/null; stty echo; clear; echo aft''er",
    )
    until(lab, r"/^after$/m.test(window.vitrine.text())", timeout=30)
    lab.keyboard.press("Control+c")
    type_line(lab, "clear; echo on-$((1+1))")
    wait_text(lab, "on-2", timeout=30)


def test_the_clipboard_is_the_reader_s(lab):
    """W-14: OSC 52 neither sets nor reads the clipboard, and nothing is answered."""
    lab.evaluate("navigator.clipboard.writeText('mine')")
    written(lab, r"\033]52;c;cHduZWQ=\007\033]52;c;?\007")

    assert lab.evaluate("navigator.clipboard.readText()") == "mine"
    assert "52;c" not in lab.evaluate("window.vitrine.text()").split("drawn")[-1]


def test_markup_is_drawn_as_text(lab):
    """W-12: A title and a text made of markup run nothing: no element of theirs is in the page, and the policy has nothing to refuse."""
    lab.evaluate("document.addEventListener('securitypolicyviolation', () => { window.violated = true; })")
    written(
        lab, r"\033]2;<img src=x onerror=window.__xss=1>\007<script>window.__xss=1</script><img src=x onerror=window.__xss=1>"
    )

    assert lab.evaluate("window.__xss") is None
    assert lab.evaluate("document.querySelectorAll('.xterm img, .tab-bar img, .xterm script').length") == 0
    assert not lab.evaluate("window.violated")


def test_a_mode_left_on_ends_with_the_page(lab):
    """W-17: Mouse reports, the other screen and the drawing charset left on: after `reset` and a reload the prompt is readable again."""
    type_line(lab, r"printf '\033[?1000h\033[?1003h\033(0'; reset; clear; echo mo''des")
    until(lab, r"/^modes$/m.test(window.vitrine.text())")
    lab.reload()
    until(lab, r"/^modes$/m.test(window.vitrine?.text() ?? '')")
    lab.locator(".xterm-screen").first.click()
    type_line(lab, "echo plain-$((2+3))")
    wait_text(lab, "plain-5")

    assert "^[[M" not in lab.evaluate("window.vitrine.text()")


def test_the_page_breaks_no_rule_of_its_own(lab):
    """W-11: With no inline style or script allowed the lab page has its colours, and its console no refusal."""
    said: list[str] = []
    lab.on("console", lambda message: said.append(message.text))
    lab.reload()
    wait_prompt(lab)

    assert not [line for line in said if "Content Security Policy" in line or "Refused" in line]
    assert lab.evaluate("[...document.querySelectorAll('style')].every((each) => each.sheet && each.sheet.cssRules.length)")
