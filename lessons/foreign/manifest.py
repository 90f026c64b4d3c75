"""`index.json` (or O'Reilly's `index.yaml`): one shape made of all dialects.

Katacoda says `courseData` and `code` where Killercoda says `background` and `foreground`; some
authors write `finish` or `assets` a level too high, `difficulty` a level too low. Every key is
looked for wherever it was seen. A value of the wrong type counts as absent, with a note.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lessons.foreign.document import Document
from lessons.foreign.notes import Kind, Notes

MACHINES = {"host01": 0, "client": 0, "master": 0, "host02": 1, "node01": 1}
MOST_STEPS = 200
KNOWN = {
    "title", "description", "difficulty", "time", "details", "backend", "environment", "files", "finish", "assets",
    "intro", "steps", "type", "interface", "icon", "noindex", "private",
}  # fmt: skip
SECTION_KEYS = {
    "title", "text", "verify", "background", "courseData", "foreground", "code", "answer", "hint", "credits",
}  # fmt: skip
ENVIRONMENT_KEYS = {
    "uilayout", "uimessage1", "uimessage2", "showdashboard", "dashboards", "terminals", "hideintro", "hidefinish",
    "showide", "uieditorpath",
}  # fmt: skip


@dataclass(frozen=True)
class Section:
    """The introduction, a step or the end; the file names are the author's words."""

    kind: str  # intro | step | finish
    title: str
    text: str = ""
    verify: str = ""
    background: str = ""
    foreground: str = ""
    answer: str = ""
    hint: str = ""
    credits: str = ""
    line: int = 1


@dataclass(frozen=True)
class Asset:
    """A file, or a pattern, under assets/, and where it goes."""

    machine: int
    file: str
    target: str
    chmod: str
    line: int


@dataclass(frozen=True)
class Dashboard:
    """A tab that shows a port."""

    name: str
    port: int
    href: str = ""


@dataclass(frozen=True)
class Manifest:
    """What index.json says."""

    path: Path
    title: str
    description: str = ""
    difficulty: str = ""
    time: str = ""
    sections: tuple[Section, ...] = ()
    assets: tuple[Asset, ...] = ()
    imageid: str = ""
    image_line: int = 1
    layout: str = ""
    editor_path: str = "/root"
    editor_files: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    dashboards: tuple[Dashboard, ...] = ()
    terminals: int = 1
    challenge: bool = False
    unlisted: bool = False


def read(document: Document, notes: Notes) -> Manifest:
    """The manifest of a document; whatever is absent or odd has its default."""
    top, details = document.top, document.mapping(document.top, "details")
    environment, backend = document.mapping(top, "environment"), document.mapping(top, "backend")
    either: dict[str, Any] = {**{key: top[key] for key in ("intro", "steps", "finish", "assets") if key in top}, **details}
    sections = _sections(document, either, environment)
    _ignored(document, top, environment, notes)
    messages = (document.text(environment, "uimessage1"), document.text(environment, "uimessage2"))
    layout = document.text(environment, "uilayout") or document.text(document.mapping(top, "interface"), "layout")
    extra = len(document.items(environment, "terminals")) + (layout in ("terminal-terminal", "vscode-terminal-split"))
    return Manifest(
        path=document.path,
        title=document.text(top, "title") or document.path.parent.name,
        description=document.text(top, "description"),
        difficulty=document.text(top, "difficulty") or document.text(details, "difficulty"),
        time=document.text(top, "time") or document.text(details, "time"),
        sections=sections,
        assets=_assets(document, document.mapping(either, "assets")),
        imageid=document.text(backend, "imageid"),
        image_line=document.line("imageid", document.text(backend, "imageid")),
        layout=layout,
        editor_path=document.text(environment, "uieditorpath") or "/root",
        editor_files=tuple(item for item in document.items(top, "files") if isinstance(item, str))[:20],
        messages=tuple(text for text in messages if text),
        dashboards=_dashboards(document, environment, backend),
        terminals=min(8, 1 + extra),
        challenge=document.text(top, "type").startswith("challenge"),
        unlisted=top.get("noindex") is True or top.get("private") is True,
    )


def _sections(document: Document, details: dict[str, Any], environment: dict[str, Any]) -> tuple[Section, ...]:
    found: list[Section] = []
    if (intro := document.mapping(details, "intro")) and environment.get("hideintro") not in (True, "true"):
        found.append(_section(document, intro, "intro", ""))
    steps = [step for step in document.items(details, "steps") if isinstance(step, dict)]
    if len(steps) > MOST_STEPS:
        document.note(Kind.REFUSED, "steps", f"{len(steps)} steps; only the first {MOST_STEPS} are read")
    found += [_section(document, step, "step", f"Step {n}") for n, step in enumerate(steps[:MOST_STEPS], 1)]
    if (finish := document.mapping(details, "finish")) and environment.get("hidefinish") not in (True, "true"):
        found.append(_section(document, finish, "finish", ""))
    return tuple(found)


def _section(document: Document, told: dict[str, Any], kind: str, title: str) -> Section:
    text = lambda *keys: next((found for key in keys if (found := document.text(told, key))), "")  # noqa: E731
    line = document.line("text", text("text")) if text("text") else document.line("title", text("title"))
    for key in sorted(set(map(str, told)) - SECTION_KEYS):
        document.note(Kind.IGNORED, key, f"{key} of a {kind}")
    return Section(
        kind, text("title") or title, text("text"), text("verify"), text("background", "courseData"),
        text("foreground", "code"), text("answer"), text("hint"), text("credits"), line,
    )  # fmt: skip


def _assets(document: Document, told: dict[str, Any]) -> tuple[Asset, ...]:
    found = []
    for machine in told:
        if machine not in MACHINES:
            document.note(Kind.IGNORED, str(machine), f"assets for an unknown machine {machine}")
            continue
        for item in document.items(told, machine)[:500]:
            if isinstance(item, dict) and document.text(item, "file"):
                file, chmod = document.text(item, "file"), document.text(item, "chmod")
                target = document.text(item, "target") or "/root"
                found.append(Asset(MACHINES[machine], file, target, chmod, document.line("file", file)))
    return tuple(found)


def _dashboards(document: Document, environment: dict[str, Any], backend: dict[str, Any]) -> tuple[Dashboard, ...]:
    found = []
    for item in document.items(environment, "dashboards")[:20]:
        if isinstance(item, dict):
            name, href = document.text(item, "name"), document.text(item, "href")
            found.append(Dashboard(name or "Web", _port(document.text(item, "port")), href))
    if (port := _port(document.text(backend, "port"))) and "iframe" in document.text(environment, "uilayout"):
        found.append(Dashboard("Web", port))
    return tuple(found)


def _port(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) < 65536 else 0


def _ignored(document: Document, top: dict[str, Any], environment: dict[str, Any], notes: Notes) -> None:
    for key in sorted(set(map(str, top)) - KNOWN):
        document.note(Kind.IGNORED, key, f"key {key}")
    for key in sorted(set(map(str, environment)) - ENVIRONMENT_KEYS):
        document.note(Kind.IGNORED, key, f"environment.{key}")
    for key in ("openShift", "userid", "groupid", "envs", "init"):
        if key in document.mapping(top, "backend"):
            document.note(Kind.MISSING, key, f"backend.{key}")
