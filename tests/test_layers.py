"""Floors and doors: who may import whom.

The runtime is a teaching text that must be usable alone, so it may not know the site. A lower
floor may not know a higher one. The site has one door to the runtime. These rules are read from
the source by walking its imports; nothing is executed.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = {
    "runtime.linux": 0,
    "runtime.oci": 0,
    "runtime.errors": 0,
    "runtime.events": 0,
    "runtime.plan": 0,
    "runtime.paths": 0,
    "runtime.image": 1,
    "runtime.container": 2,
    "runtime.vm": 2,
    "runtime.mix": 2,
    "runtime.xray": 2,
    "runtime.bundle": 1,
    "runtime.build": 3,
    "runtime.loop": 0,
    "runtime.spawner": 3,
    "runtime.shim": 3,
    "runtime.backend": 4,
    "runtime.cli": 4,
    "runtime.__main__": 4,
}
APPS = {"labsite.accounts": 0, "lessons": 1, "labsite.labs": 2, "labsite.xray": 3, "labsite.previews": 3, "labsite.mixer": 3, "labsite.desk": 3, "labsite.recordings": 4, "labsite.certificates": 3}


def module_name(path: Path) -> str:
    """The dotted name of a source file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def absolute(node: ast.ImportFrom, path: Path) -> str:
    """The dotted name an `import from` reads, relative ones resolved."""
    if not node.level:
        return node.module or ""
    package = path.parent.relative_to(ROOT).parts
    base = package[: len(package) - node.level + 1]
    return ".".join([*base, node.module] if node.module else base)


def imports(path: Path) -> list[str]:
    """Every module a file imports, at any depth of its code."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = absolute(node, path)
            found += [f"{module}.{alias.name}" for alias in node.names]
    return found


def sources(*packages: str) -> list[Path]:
    """The Python files of some top-level packages."""
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


def level(module: str, levels: dict[str, int]) -> int | None:
    """The level of a module: that of its longest known prefix."""
    matches = [name for name in levels if module == name or module.startswith(name + ".")]
    return levels[max(matches, key=len)] if matches else None


def rises(path: Path, levels: dict[str, int]) -> list[str]:
    """The imports of a file that go up."""
    own = level(module_name(path), levels)
    if own is None:
        return []
    higher = [name for name in imports(path) if (level(name, levels) or 0) > own]
    return [f"{module_name(path)} imports {name}" for name in higher]


@pytest.mark.parametrize("path", sources("runtime"), ids=module_name)
def test_runtime_imports_only_the_standard_library(path: Path) -> None:
    """runtime/ imports the standard library and itself; pyroute2 in one module."""
    allowed = set(sys.stdlib_module_names) | {"runtime"}
    if module_name(path) == "runtime.linux.netlink":
        allowed.add("pyroute2")

    assert [] == [name for name in imports(path) if name.split(".")[0] not in allowed]


@pytest.mark.parametrize("path", sources("runtime"), ids=module_name)
def test_floors_import_only_lower_floors(path: Path) -> None:
    """A module of the runtime imports from its own floor or a lower one."""
    assert [] == rises(path, FLOORS)


def test_every_runtime_module_has_a_floor() -> None:
    """A new part of the runtime is given a floor here."""
    names = {module_name(path) for path in sources("runtime")} - {"runtime"}

    assert set() == {name for name in names if level(name, FLOORS) is None}


@pytest.mark.parametrize("path", sources("labsite", "lessons"), ids=module_name)
def test_apps_import_only_earlier_apps(path: Path) -> None:
    """Apps import accounts <- lessons <- labs, never back."""
    assert [] == rises(path, APPS)


@pytest.mark.parametrize("path", sources("labsite", "lessons"), ids=module_name)
def test_only_the_gateway_imports_the_runtime(path: Path) -> None:
    """labsite/labs/gateway.py is the only module of the site that imports runtime."""
    reached = [name for name in imports(path) if name.split(".")[0] == "runtime"]

    assert [] == reached or module_name(path) == "labsite.labs.gateway"


@pytest.mark.parametrize("path", sources("runtime", "labsite", "lessons", "bench"), ids=module_name)
def test_modules_stay_small(path: Path) -> None:
    """A module has one subject, and never more than 300 lines."""
    assert len(path.read_text().splitlines()) <= 300


@pytest.mark.parametrize("path", sources("runtime", "labsite", "lessons", "bench"), ids=module_name)
def test_functions_stay_small(path: Path) -> None:
    """A function never has more than 50 lines."""
    tree = ast.walk(ast.parse(path.read_text()))
    functions = [node for node in tree if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    spans = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions}

    assert {} == {name: span for name, span in spans.items() if span > 50}
