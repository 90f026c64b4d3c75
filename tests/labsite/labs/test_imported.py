"""The oracle of imported lessons: what it proves, and what it tells apart, in real sandboxes."""

import json
import os
from pathlib import Path

import pytest

from labsite.labs import imported
from labsite.labs.authoring.node import spawner
from labsite.labs.imported import ImportedTrial, lessons_in

STEPS = {
    "sound": ("`touch /tmp/a`{{exec}} and `^C`{{exec ctrl-seq}}", "[ -f /tmp/a ] && echo done"),
    "always": ("`true`{{exec}}", "exit 0"),
    "never": ("`true`{{exec}}", "echo 'Never.'; exit 3"),
    "free": ("Make `/tmp/b`.", "test -e /tmp/b"),
    "history": ("`echo remembered`{{exec}}", "grep -q 'echo remembered' ~/.bash_history"),
    "itself": ("`sleep 600 &`{{exec}}", "pgrep -f 'sleep 600'"),
    "stuck": ("`sleep 500`{{exec}}\n\n`touch /tmp/c`{{exec interrupt}}", "test -e /tmp/c"),
    "file": ('<pre class="file" data-filename="f.txt" data-target="replace">saved\n</pre>', "#!/usr/bin/env python3\nassert open('/root/f.txt').read() == 'saved\\n'"),
}  # fmt: skip


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory) -> dict[tuple[str, str], tuple[bool, str]]:
    """Everything said of one scenario that has all kinds of steps: (title, act) → ok and detail."""
    root = tmp_path_factory.mktemp("repo")
    write(root / "s")
    (lesson,) = lessons_in(root)
    titles = {step.id: step.title for step in lesson.steps}
    said = []
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(imported, "LONGEST", 3.0)
    with spawner():
        ImportedTrial(lesson, "1", said.append).run()
    monkeypatch.undo()
    return {(titles[each.step], each.act.strip()): (each.ok, each.detail) for each in said}


def write(directory: Path) -> None:
    """The scenario."""
    directory.mkdir()
    steps = []
    for name, (text, verify) in STEPS.items():
        (directory / f"{name}.md").write_text(text)
        (directory / f"{name}.sh").write_text(verify)
        steps.append({"title": name, "text": f"{name}.md", "verify": f"{name}.sh"})
    (directory / "index.json").write_text(
        json.dumps({"title": "T", "details": {"steps": steps}, "backend": {"imageid": "ubuntu"}})
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="sandboxes are made by root")
def test_what_the_oracle_says(outcomes):
    """A check that passes untouched, one that never passes, and one with nothing to type are told apart; the others are proved."""
    proved = {title for title in STEPS if all(ok for (name, _), (ok, _) in outcomes.items() if name == title)}

    assert proved == {"sound", "history", "itself", "stuck", "file"}
    assert outcomes["always", "untouched"][0] is False
    assert outcomes["never", "commands"] == (False, "1 Never.")
    assert outcomes["free", "commands"] == (False, "the text has none: not proved")
