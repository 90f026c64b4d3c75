"""Documentation that fails the build.

A verb, a setting or a decision is not finished until its page says so. The pages may not promise
files that do not exist.
"""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
VERBS = "run create start exec kill pause resume delete state list events observe doctor image"
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")


def tracked(pattern: str) -> list[Path]:
    """The repository's files of a kind, those not yet committed too."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", pattern]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for line in listing.stdout.splitlines() if (path := ROOT / line).is_file()]


def relative(path: Path) -> str:
    """The name of a file, for the report."""
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_lead_somewhere(page: Path) -> None:
    """A relative link in a page names a file that exists."""
    targets = [link for link in LINK.findall(page.read_text()) if ":" not in link]

    assert [] == [link for link in targets if not (page.parent / link).exists()]


def test_readme_begins_with_the_two_commands() -> None:
    """The first block of README.md is the two commands."""
    block = (ROOT / "README.md").read_text().split("```")[1].strip().splitlines()

    assert ["sudo script/server", "sudo script/test"] == [line.split("#")[0].strip() for line in block]


def test_commands_of_the_readme_exist() -> None:
    """Every script the README names is there and can be executed."""
    named = set(re.findall(r"\bscript/[a-z]+", (ROOT / "README.md").read_text()))

    assert set() == {name for name in named if not (ROOT / name).stat().st_mode & 0o111}


def test_every_setting_is_documented() -> None:
    """Each VITRINE_ variable that the code reads stands in docs/settings.md."""
    read = {
        name
        for path in [*tracked("*.py"), *tracked("script/*")]
        for name in re.findall(r"\bVITRINE_[A-Z][A-Z_]*[A-Z]\b", path.read_text())
    }

    assert set() == read - set(re.findall(r"`(VITRINE_[A-Z_]+)`", (ROOT / "docs/settings.md").read_text()))


@pytest.mark.parametrize("verb", VERBS.split())
def test_every_verb_is_documented(verb: str) -> None:
    """Each verb of `python -m runtime` stands in docs/cli.md."""
    assert re.search(rf"\b{verb}\b", (ROOT / "docs/cli.md").read_text())


def test_every_decision_is_in_the_index() -> None:
    """Each page of docs/adr is in its index, and faces, chooses and pays."""
    records = sorted((ROOT / "docs/adr").glob("0*.md"))
    index = (ROOT / "docs/adr/index.md").read_text()

    assert [] == [path.name for path in records if path.name not in index]
    for path in records:
        assert all(f"**{word}.**" in path.read_text() for word in ("Faced", "Chose", "Costs")), path.name


def test_the_licence_is_whole() -> None:
    """LICENSE is the full text of the Apache License 2.0."""
    text = (ROOT / "LICENSE").read_text()

    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


@pytest.mark.parametrize("path", tracked("runtime/*.py"), ids=relative)
def test_runtime_modules_teach(path: Path) -> None:
    """A module of the runtime opens with a docstring."""
    source = path.read_text()

    assert not source.strip() or ast.get_docstring(ast.parse(source))


@pytest.mark.parametrize("path", tracked("*.py"), ids=relative)
def test_nothing_is_left_undone(path: Path) -> None:
    """No stub and no note to self is committed."""
    marks = ["TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error"]

    assert [] == [mark for mark in marks if mark in path.read_text()]


def test_tests_state_a_rule() -> None:
    """Every test has a docstring that states the rule it shows."""
    silent = [
        f"{relative(path)}::{node.name}"
        for path in tracked("tests/*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]

    assert [] == silent
