"""The isolation mixer in a browser, with real mixes: chosen, expected, measured, by mouse and by keyboard."""

from __future__ import annotations

import pytest

from tests.e2e.test_reading import problems
from tests.e2e.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture
def mixer(visitor):
    """A visitor at the mixer; her host is ended afterwards."""
    visitor.goto("/mixer/")
    yield visitor
    visitor.evaluate("document.querySelector('.mixer-end')?.submit()")
    visitor.wait_for_load_state()


def expect_no(page) -> None:
    """Answer every question with no."""
    for choice in page.locator('[name^=guess-][value="no"]').all():
        choice.check()


def start(page, letter: str) -> None:
    """Press the letter's button and wait for what was measured."""
    page.locator(f'[name=letter][value="{letter}"]').click()
    page.wait_for_selector(f".mix-{letter}[data-state=running]", timeout=20_000)


def cell(page, kind: str, column: int) -> str:
    """shared or apart."""
    return page.locator(f".shared tr[data-kind={kind}] td").nth(column).locator("b").inner_text()


def test_two_mixes_side_by_side(mixer):
    """A shares all but its name and processes, B shares nothing; the matrix says so, and neither shares with the server."""
    for kind in ("uts", "pid"):
        mixer.locator(f'[value="{kind}"]').check()
    expect_no(mixer)
    start(mixer, "a")
    for choice in mixer.locator("[name=namespaces]").all():
        choice.check()
    mixer.locator("[name=read_only]").check()
    expect_no(mixer)
    start(mixer, "b")

    kinds = ("user", "mount", "pid", "network", "uts", "ipc", "cgroup", "time")
    assert {"uts", "pid"} == {kind for kind in kinds if cell(mixer, kind, 0) == "apart"}
    assert {"apart"} == {cell(mixer, kind, column) for kind in kinds for column in (1, 2, 3)}
    said = {row.locator(".asked").inner_text(): row.locator(".verdict").inner_text() for row in mixer.locator(".mix-a li").all()}
    assert "No." == said["It gives itself a host name. Does the host’s name change?"]
    assert "Yes." == said["It mounts a filesystem below /mnt. Does the host see it there?"]
    assert "2 of 7 as you expected." in mixer.locator(".mix-a .score").inner_text()
    assert "EROFS" in mixer.locator(".mix-b .answers").inner_text() or "EACCES" in mixer.locator(".mix-b .answers").inner_text()


def test_the_host_is_seen_live(mixer):
    """Below the result is the x-ray of the host: the mix has cells of its own in the drawing."""
    mixer.locator('[value="uts"]').check()
    expect_no(mixer)
    start(mixer, "a")
    mixer.locator("#xray-tab-namespaces").click()

    until(mixer, "document.querySelector('#xray-view [data-kind=uts][data-nth=\"1\"]') !== null", timeout=8)
    assert "mix-a" in mixer.locator("#xray-view").inner_text()


def test_without_an_answer_nothing_starts_and_by_keyboard_all_of_it_works(mixer):
    """Space, arrows and Enter choose, answer and start; a question left out is asked for by the browser."""
    mixer.locator('[value="user"]').focus()
    mixer.keyboard.press("Space")
    mixer.locator('[name=letter][value="a"]').focus()
    mixer.keyboard.press("Enter")
    assert mixer.url.endswith("/mixer/")

    for question in mixer.locator(".guess").all():
        question.locator("input").first.focus()
        mixer.keyboard.press("ArrowRight")
    mixer.locator('[name=letter][value="a"]').focus()
    mixer.keyboard.press("Enter")
    mixer.wait_for_selector(".mix-a[data-state=running]", timeout=20_000)
    assert "apart" == cell(mixer, "user", 0)
    assert mixer.evaluate("document.activeElement.id") == "result"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_meets_wcag(mixer, scheme):
    """The form, the answers, the matrix and the x-ray below pass axe in both themes; the page asks for no motion."""
    mixer.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    for kind in ("uts", "mount"):
        mixer.locator(f'[value="{kind}"]').check()
    expect_no(mixer)
    start(mixer, "a")
    mixer.locator("#result summary").first.click()
    mixer.locator("#xray-tab-namespaces").click()
    until(mixer, "document.querySelector('#xray-view .cell') !== null", timeout=8)

    assert problems(mixer) == []
    assert mixer.evaluate("document.getAnimations().length") == 0


def test_it_fits_a_narrow_screen(mixer):
    """At 390 px nothing of the page is wider than the screen; the matrix scrolls in its own frame."""
    mixer.set_viewport_size({"width": 390, "height": 844})
    expect_no(mixer)
    start(mixer, "a")

    assert mixer.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.nightly
def test_a_virtual_machine_beside_shares_not_even_the_kernel(mixer):
    """One more column: another kernel, and QEMU in namespaces of its own."""
    expect_no(mixer)
    start(mixer, "a")
    mixer.locator(".mixer-beside button").click()
    mixer.wait_for_selector(".shared tr[data-kind=kernel] td:nth-child(4)", timeout=60_000)

    assert "shared" == cell(mixer, "kernel", 0) == cell(mixer, "kernel", 1)
    for kind in ("kernel", "user", "pid", "network"):
        assert "apart" == cell(mixer, kind, 2)
