"""What the lessons quote of the runtime's own source is there: file, class and function."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\(/source/([\w./]+)(?:#[^)]*)?\)")
TEXTS = sorted(path for path in (ROOT / "lessons/content").rglob("*.md") if LINK.search(path.read_text()))


def lacking(quote: str) -> str | None:
    """The first part of `runtime/file.py` or `runtime.module.Class.function` that is not there."""
    if "/" in quote:
        return None if (ROOT / quote).is_file() else quote
    parts = quote.split(".")
    for cut in range(len(parts), 0, -1):
        module = ROOT.joinpath(*parts[:cut])
        for file in (module.with_suffix(".py"), module / "__init__.py"):
            if file.is_file():
                return _lacking_name(ast.parse(file.read_text()), parts[cut:])
    return quote


def _lacking_name(tree: ast.AST, names: list[str]) -> str | None:
    for name in names:
        inside = {getattr(node, "name", ""): node for node in ast.iter_child_nodes(tree)}
        if name not in inside:
            return name
        tree = inside[name]
    return None


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_quoted_function_exists(path):
    """A function that was renamed must not leave a lesson pointing at nothing."""
    quotes = LINK.findall(path.read_text())

    assert [] == [f"{quote}: no {missing}" for quote in quotes if (missing := lacking(quote))]


@pytest.mark.parametrize(
    "quote", ["runtime.container.birth.Birth.vanish", "runtime/container/nowhere.py", "runtime.nowhere.Thing"]
)
def test_a_quote_of_nothing_is_noticed(quote):
    """The search above finds what is missing; a link to the function that is there passes."""
    assert lacking(quote)
    assert lacking("runtime.container.birth.Birth.clone") is None
