"""The runtime's own source, to be read: the runtime is a teaching text, and drawings point into it.

A file is looked up in the list of what lies under `runtime/`; the address is never joined to a
path, so there is nothing to climb out of. A step of the plan names module and function
(`runtime.container.mounts.pivot`); that address leads to the very line.
"""

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

PACKAGE = "runtime"


@require_safe
def contents(request: HttpRequest) -> HttpResponse:
    """Every module with the sentence it opens with, by directory."""
    shelves: dict[str, list[dict[str, str]]] = {}
    for name, path in files().items():
        if title := opening(path):
            shelves.setdefault(name.rpartition("/")[0], []).append({"name": name, "title": title})
    return render(request, "source_contents.html", {"shelves": shelves.items()})


@require_safe
def show(request: HttpRequest, name: str) -> HttpResponse:
    """A file by its path, or the place of a dotted name."""
    path = files().get(name)
    if path is None:
        module, line = place_of(name)
        response = redirect("source", name=module)
        response["Location"] += f"#L{line}"
        return response
    *above, last = name.split("/")
    directory = "/".join(above)
    beside = [each for each in files() if each.rpartition("/")[0] == directory]
    context = {"name": name, "above": above, "last": last, "beside": beside, "lines": lines_of(path)}
    return render(request, "source.html", context)


def files() -> dict[str, Path]:
    """What may be shown: Python files below `runtime/`, by their path from the project's top; no links."""
    root = settings.BASE_DIR
    found = (path for path in (root / PACKAGE).rglob("*.py") if path.is_file() and not path.is_symlink())
    return {str(path.relative_to(root)): path for path in sorted(found)}


def place_of(dotted: str) -> tuple[str, int]:
    """(file, line) of `package.module.Class.function`; 404 if there is no such thing."""
    known, parts = files(), dotted.split(".")
    for cut in range(0 if "/" in dotted else len(parts), 0, -1):
        name = "/".join(parts[:cut])
        for candidate in (f"{name}.py", f"{name}/__init__.py"):
            if candidate in known:
                return candidate, line_of(known[candidate], parts[cut:])
    raise Http404(dotted)


def line_of(path: Path, names: list[str]) -> int:
    """The line where a class or function begins; of a nested or unnamed one, what it is in."""
    line, inside = 1, list(ast.iter_child_nodes(_tree(path, path.stat().st_mtime_ns)))
    for name in names:
        found = next((node for node in inside if getattr(node, "name", None) == name), None)
        if found is None:
            break
        line, inside = getattr(found, "lineno", line), list(ast.walk(found))
    return line


def opening(path: Path) -> str:
    """The first line of a module's docstring, as a sentence to show."""
    text = ast.get_docstring(_tree(path, path.stat().st_mtime_ns)) or ""
    return text.partition("\n")[0].replace("`", "")


def lines_of(path: Path) -> list[SafeString]:
    """The file, coloured, line by line."""
    return list(_coloured(path, path.stat().st_mtime_ns))


@lru_cache(maxsize=256)
def _tree(path: Path, changed: int) -> Any:
    return ast.parse(path.read_text(encoding="utf-8"))


@lru_cache(maxsize=64)
def _coloured(path: Path, changed: int) -> tuple[SafeString, ...]:
    return tuple(_each_line(path.read_text(encoding="utf-8")))


def _each_line(text: str) -> Iterator[SafeString]:
    """Pygments closes its spans at the end of each line, so lines can stand alone."""
    html = highlight(text, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True))
    for line in html.removesuffix("\n").split("\n"):
        yield mark_safe(line)  # made by Pygments, which escapes
