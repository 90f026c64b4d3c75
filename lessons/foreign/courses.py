"""Courses of a repository: which directories are scenarios, and in what order they come.

Without a list every directory is a course of the scenarios in it, by the alphabet. With
`structure.json` (Killercoda) or `NAME-pathway.json` (Katacoda) the author's order holds, and
what a `structure.json` does not name is hidden.
"""

import os
import posixpath
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lessons.foreign import document
from lessons.foreign.notes import Kind, Notes
from lessons.foreign.repository import Repository

SKIPPED = {".git", "node_modules", ".github"}
MANIFESTS = ("index.json", "index.yaml")
MOST_SCENARIOS = 20_000
ROOT = re.compile(r"^scenario_root:[ \t]*['\"]?([^'\"#\n]{1,200}?)['\"]?[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Found:
    """A course: its directory relative to the repository, its words, its scenarios' manifests."""

    place: str
    title: str
    summary: str
    manifests: tuple[Path, ...]


@dataclass
class Map:
    """The scenarios of one repository, by directory, while its courses are put together."""

    repository: Repository
    notes: Notes
    scenarios: dict[Path, Path] = field(default_factory=dict)
    courses: list[Found] = field(default_factory=list)
    seen: set[Path] = field(default_factory=set)


def find(repository: Repository, notes: Notes) -> list[Found]:
    """All courses of a repository."""
    root = _root(repository, notes)
    found = Map(repository, notes, _scenarios(repository, root))
    _arrange(found, root)
    return [course for course in found.courses if course.manifests]


def _root(repository: Repository, notes: Notes) -> Path:
    """The repository, or the directory `katacoda.yaml` moves its root to."""
    settings = repository.root / "katacoda.yaml"
    text = repository.text(settings, notes) if settings.is_file() else None
    match = ROOT.search(text or "")
    moved = repository.locate(repository.root, match[1]) if match else None
    return moved if moved and moved.is_dir() else repository.root


def _scenarios(repository: Repository, root: Path) -> dict[Path, Path]:
    """Directory → manifest; links are not followed, so that no loop can hold us."""
    found: dict[Path, Path] = {}
    for parent, directories, files in os.walk(root):
        here = Path(parent)
        manifest = next((here / name for name in MANIFESTS if name in files), None)
        if manifest and _is_scenario(repository, manifest):
            found[here] = manifest
            directories[:] = [name for name in directories if name != "assets"]
        directories[:] = sorted(name for name in directories if name not in SKIPPED)
        if len(found) >= MOST_SCENARIOS:
            break
    return found


def _is_scenario(repository: Repository, manifest: Path) -> bool:
    """Does it speak of details or of a backend? One that is broken JSON may still do so."""
    try:
        data = repository.read(manifest, document.LIMIT)
    except (OSError, ValueError):
        return True  # the reader will say what is wrong
    return b"details" in data or b"backend" in data


def _arrange(found: Map, directory: Path, words: tuple[str, str] = ("", "")) -> None:
    """Note the course of a directory, then those below it."""
    if directory in found.seen:
        return
    found.seen.add(directory)
    listed = _structure(found, directory)
    below = [path for path, _ in listed] if listed is not None else _children(found, directory)
    titles = dict(listed or ()) | _pathway_titles(found, directory)
    here = [found.scenarios[path] for path in below if path in found.scenarios]
    told = _told(found, directory / "structure.json")
    place = os.path.relpath(directory, found.repository.root)
    name = directory.name if place != "." else found.repository.root.name
    title = told[0] or words[0] or name.replace("-", " ").replace("_", " ").strip().capitalize() or "Lessons"
    found.courses.append(Found("" if place == "." else place, title, told[1] or words[1], tuple(here)))
    for path in below:
        if path not in found.scenarios or _holds_more(found, path):
            _arrange(found, path, titles.get(path, ("", "")))


def _children(found: Map, directory: Path) -> list[Path]:
    """The directories in it that are scenarios or hold some: as a pathway orders them, else by name."""
    parents = {path for each in found.scenarios for path in (each, *each.parents)}
    names = sorted(path for path in parents if path.parent == directory and path != directory)
    order = _pathway(found, directory.with_name(f"{directory.name}-pathway.json"))
    place = {name: n for n, name in enumerate(order)}
    return sorted(names, key=lambda path: (place.get(path.name, len(place)), path.name))


def _holds_more(found: Map, directory: Path) -> bool:
    return any(directory in path.parents for path in found.scenarios)


def _load(found: Map, path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    loaded = document.load(found.repository, path, found.notes)
    return loaded.top if loaded else {}


def _told(found: Map, path: Path) -> tuple[str, str]:
    top = _load(found, path)
    texts = [value if isinstance(value := top.get(key), str) else "" for key in ("title", "description")]
    return texts[0], texts[1]


def _structure(found: Map, directory: Path) -> list[tuple[Path, tuple[str, str]]] | None:
    """The directories a structure.json names, in its order; None without one."""
    path = directory / "structure.json"
    items = _load(found, path).get("items")
    if not isinstance(items, list):
        return None
    listed = []
    for item in items[:2000]:
        words = item.get("path") if isinstance(item, dict) else None
        place = found.repository.locate(directory, posixpath.normpath(str(words or "")), within=found.repository.root)
        if not words or place is None or not place.is_dir():
            found.notes.add(Kind.BROKEN, found.repository.name(path), 1, f"there is no directory {words}")
        elif place != directory:
            texts = [value if isinstance(value := item.get(key), str) else "" for key in ("title", "description")]
            listed.append((place, (texts[0], texts[1])))
    return list(dict(listed).items())


def _pathway(found: Map, path: Path) -> list[str]:
    """The names of a pathway's courses in their order."""
    courses = _load(found, path).get("courses")
    items = courses if isinstance(courses, list) else []
    return [str(item.get("course_id") or item.get("id")) for item in items[:2000] if isinstance(item, dict)]


def _pathway_titles(found: Map, directory: Path) -> dict[Path, tuple[str, str]]:
    """Title and description of each directory that has a NAME-pathway.json beside it."""
    try:
        names = [name for name in os.listdir(directory) if name.endswith("-pathway.json")]
    except OSError:
        return {}
    return {directory / name.removesuffix("-pathway.json"): _told(found, directory / name) for name in sorted(names)}
