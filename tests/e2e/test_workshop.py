"""The editor on a machine's files, and a server of the machine in a tab of its own, as a learner uses them."""

from __future__ import annotations

import json

import pytest

from tests.e2e.conftest import end_lab
from tests.e2e.test_reading import problems
from tests.e2e.waiting import type_line, until, wait_prompt, wait_text

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
TEXT = "window.vitrine.machines.panes.get('editor/box').editor.buffers.mirror.text()"


@pytest.fixture
def lab(visitor):
    """A lab of the workshop, at its prompt."""
    visitor.goto("/lessons/zz-tests/workshop/")
    visitor.locator("form[action='/labs/'] button").first.click()
    visitor.wait_for_url("**/labs/**")
    wait_prompt(visitor)
    yield visitor
    end_lab(visitor)


def loaded(page) -> list[str]:
    """The modules of the editor that the page has fetched."""
    return page.evaluate(
        "performance.getEntriesByType('resource').map((each) => each.name).filter((name) => name.includes('codemirror'))"
    )


def test_a_file_is_edited_by_keyboard(lab):
    """The tab costs nothing until it is opened; Ctrl-S saves into the machine; a change made there is seen, and never lost; axe finds nothing."""
    assert loaded(lab) == []
    lab.get_by_role("link", name="the server").click()
    lab.locator(".cm-content").wait_for()
    until(lab, f"{TEXT}.includes('what a hostile one would')")
    until(lab, "document.activeElement.classList.contains('cm-content')")
    assert lab.locator(".file-path").inner_text() == "/root/app/server.py"

    for scheme in ("light", "dark"):
        lab.emulate_media(color_scheme=scheme)
        assert problems(lab) == []
    lab.keyboard.press("Control+Home")
    lab.keyboard.type("# mine\n")
    assert lab.locator(".file-state").inner_text() == "not saved"
    lab.keyboard.press("Control+s")
    lab.locator("#toast", has_text="was saved").wait_for()
    assert lab.locator(".file-state").inner_text() == ""

    lab.get_by_role("tab", name="box · 1").click()
    type_line(lab, "head -1 app/server.py; echo '# theirs' > app/server.py; echo do''ne")
    wait_text(lab, "# mine")
    wait_text(lab, "done")
    lab.get_by_role("tab", name="Files").click()
    until(lab, f"{TEXT} === '# theirs\\n'")

    lab.keyboard.press("Control+End")
    lab.keyboard.type("x")
    lab.get_by_role("tab", name="box · 1").click()
    type_line(lab, "echo again > app/server.py; echo twi''ce")
    wait_text(lab, "twice")
    lab.get_by_role("tab", name="Files").click()
    lab.keyboard.press("Control+s")
    lab.locator("#conflict-sheet[open]").wait_for()
    lab.get_by_role("button", name="Take the machine’s text").click()
    until(lab, f"{TEXT} === 'again\\n'")


def test_files_are_made_renamed_moved_up_and_down_and_removed(lab, tmp_path):
    """The tree by keyboard: new, rename, delete; a file goes up and comes down with every byte; what is no text is told."""
    lab.locator("#files").click()
    tree = lab.get_by_role("tree")
    tree.get_by_role("treeitem", name="server.py").wait_for()
    lab.get_by_role("button", name="New file").click()
    lab.keyboard.type("new.txt\n")
    tree.get_by_role("treeitem", name="new.txt").wait_for()
    until(lab, "document.querySelector('.file-path').textContent === '/root/app/new.txt'")

    tree.get_by_role("treeitem", name="new.txt").focus()
    lab.keyboard.press("F2")
    lab.locator("#name-sheet[open]").wait_for()
    lab.keyboard.type("newer.txt\n")
    tree.get_by_role("treeitem", name="newer.txt").wait_for()
    tree.get_by_role("treeitem", name="newer.txt").focus()
    lab.keyboard.press("Delete")
    lab.locator("#remove-sheet").get_by_role("button", name="Delete").click()
    until(lab, "![...document.querySelectorAll('.tree-label')].some((each) => each.textContent === 'newer.txt')")

    data = bytes(range(256)) * 3000
    (tmp_path / "up.bin").write_bytes(data)
    lab.locator(".file-side input[type=file]").set_input_files(tmp_path / "up.bin")
    tree.get_by_role("treeitem", name="up.bin").click()
    lab.locator(".file-empty", has_text="too large to edit").wait_for()
    with lab.expect_download() as download:
        lab.get_by_role("link", name="Download").click()
    assert download.value.path().read_bytes() == data


def test_a_block_of_the_lesson_opens_in_the_editor(lab):
    """`{edit}` begins the file with what the lesson shows; nothing is in the machine until it is saved."""
    lab.get_by_role("button", name="Open /root/app/notes.txt in the editor").click()
    until(lab, "window.vitrine.text() === 'Something to begin with.\\n'")
    assert lab.locator(".file-state").inner_text() == "not saved"
    lab.keyboard.press("Control+s")
    lab.get_by_role("tree").get_by_role("treeitem", name="notes.txt").wait_for()


def test_a_server_opens_in_a_tab_that_can_do_nothing_to_the_site(lab, site):
    """W-07, W-10: The page runs on an origin of its own: no cookie of the site, no answer of its API, no service worker, no opener."""
    context = lab.context
    before = {cookie["name"]: cookie["value"] for cookie in context.cookies(site.url)}
    with context.expect_page() as opened:
        lab.get_by_role("link", name="the page").click()
    tab = opened.value
    tab.get_by_role("heading", name="Hello from inside").wait_for()
    assert tab.url.endswith(f".preview.localhost:{site.preview_port}/hello?x=1")

    tab.goto(f"{tab.url.partition('/hello')[0]}/hello?site={site.url}")
    until(tab, "document.getElementById('said').textContent !== ''")
    said = json.loads(tab.locator("#said").inner_text())
    assert said["cookie"] == "" and said["opener"] == "null"
    assert said["api"].startswith("refused") and said["worker"].startswith("refused")
    after = {cookie["name"]: cookie["value"] for cookie in context.cookies(site.url)}
    assert after == before and "tossed" not in after.values()
    assert lab.evaluate("document.cookie").find("tossed") < 0

    with context.expect_page() as empty:
        lab.get_by_role("link", name="one where nothing listens").click()
    empty.value.get_by_text("No server answers on port 8081 of box").wait_for()
    with context.expect_page() as declared:
        lab.get_by_role("link", name="Web page").click()
    declared.value.wait_for_load_state()
    assert "Host: localhost:8080" in declared.value.content()
