"""Outlines: what the map of lessons shows of a lesson, without reading the whole of it.

A catalogue may hold thousands of lessons, and its first page needs of each a title, a level
and the names of its steps and tasks. Those can be had from front matter and from two kinds of
line, which is some fifty times quicker than Markdown. Fences are skipped, so that a heading
inside a code block is none.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lessons.elements import by_id
from lessons.frontmatter import HEAD
from lessons.head import Loader

PART = re.compile(
    r"^(?:(?P<fence>`{3,}|~{3,})"
    r"|##[ \t]+(?P<title>.*?)[ \t]*\{#(?P<step>[a-z0-9-]+)[^}]*\}"
    r"|:{3,}[ \t]*task\{(?P<task>[^}]*)\})",
    re.MULTILINE,
)
WORDS = {"title": str, "summary": str, "level": str, "minutes": int}


@dataclass(frozen=True)
class TaskOutline:
    """A task's name, and whether it ticks by itself."""

    id: str
    auto: bool = False


@dataclass(frozen=True)
class StepOutline:
    """A step's name and tasks."""

    id: str
    title: str
    tasks: tuple[TaskOutline, ...] = ()


@dataclass(frozen=True)
class Outline:
    """A lesson as the map shows it: the same names as `elements.Lesson` has."""

    course: str
    slug: str
    title: str
    summary: str = ""
    level: str = "beginner"
    minutes: int = 15
    tags: tuple[str, ...] = ()
    language: str = "en"
    steps: tuple[StepOutline, ...] = ()

    @property
    def tasks(self) -> tuple[TaskOutline, ...]:
        """Every task of every step, in order."""
        return tuple(task for step in self.steps for task in step.tasks)

    def step(self, id: str) -> StepOutline | None:
        """The step of that id, or None."""
        return by_id(self.steps, id)


def read(path: Path, course: str, slug: str, language: str, defaults: dict[str, Any]) -> Outline:
    """The outline of a file; ValueError if it has no front matter to speak of."""
    text = path.read_text(encoding="utf-8", errors="replace")
    match = HEAD.match(text)
    try:
        head = yaml.load(match[1], Loader=Loader) if match else None
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: front matter is not YAML") from error
    if match is None or not isinstance(head, dict) or not isinstance(head.get("title"), str):
        raise ValueError(f"{path}: front matter needs a title")
    known: dict[str, Any] = {
        key: value for key, kind in WORDS.items() if isinstance(value := {**defaults, **head}.get(key), kind)
    }
    steps = parts(text[match.end() :])
    for name in head.get("steps") or ():
        more = path.parent / str(name)
        steps += parts(more.read_text(encoding="utf-8", errors="replace")) if more.is_file() else ()
    return Outline(course, slug, **known, language=language, tags=tuple(map(str, head.get("tags") or ())), steps=steps)


def parts(body: str) -> tuple[StepOutline, ...]:
    """The steps and tasks of a body."""
    found: list[tuple[str, str, list[TaskOutline]]] = []
    fence = ""
    for match in PART.finditer(body):
        if match["fence"]:
            fence = _toggled(fence, match["fence"])
        elif not fence and match["step"]:
            found.append((match["step"], match["title"], []))
        elif not fence and match["task"] and found and (id := re.search(r"#([\w-]+)", match["task"])):
            found[-1][2].append(TaskOutline(id[1], "auto" in match["task"].split()))
    return tuple(StepOutline(id, title, tuple(tasks)) for id, title, tasks in found)


def _toggled(fence: str, mark: str) -> str:
    """The fence that is open after this mark."""
    if not fence:
        return mark
    return "" if mark[0] == fence[0] and len(mark) >= len(fence) else fence
