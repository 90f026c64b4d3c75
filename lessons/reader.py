"""The reader: one Markdown file in, one `Lesson` out, or every fault of the file at once."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

from markdown_it.tree import SyntaxTreeNode

from lessons import frontmatter
from lessons import markdown as md
from lessons.elements import Check, Lesson, Run, Solution, Step, Wrong
from lessons.errors import Faults
from lessons.steps import StepBuilder

HEADING = re.compile(r"^(?P<title>.*?)\s*(?:\{#(?P<id>[a-z0-9][a-z0-9-]*)\})?\s*$")


def read_lesson(
    path: Path,
    *,
    course: str = "",
    slug: str = "",
    language: str = "en",
    defaults: dict[str, Any] | None = None,
) -> Lesson:
    """Read a file; raises LessonErrors with all that is wrong in it."""
    text = path.read_bytes().decode("utf-8")
    return parse_lesson(text, path, course=course, slug=slug, language=language, defaults=defaults)


def parse_lesson(
    text: str,
    path: Path = Path("lesson.md"),
    *,
    course: str = "",
    slug: str = "",
    language: str = "en",
    defaults: dict[str, Any] | None = None,
) -> Lesson:
    """The same for a text already in memory."""
    faults = Faults(path)
    if "\r" in text:
        faults.add(text.count("\n", 0, text.index("\r")) + 1, "line ends with CR LF; use LF")
    head, body, offset = frontmatter.split(text.replace("\r\n", "\n"), faults)
    fields = frontmatter.fields({**(defaults or {}), **head}, text, faults)
    intro, steps, setup = _steps(body, offset, language, faults)
    fields["setup"] = _setup_file(fields["setup"], path, faults) + setup
    _check_ids(steps, faults)
    _check_machines(steps, {machine.name for machine in fields["machines"]}, faults)
    faults.raise_if_any()
    return Lesson(
        slug=slug or path.parent.name, course=course, language=language, path=path,
        intro_html=intro, steps=steps, **fields,
    )  # fmt: skip


def _setup_file(name: str, path: Path, faults: Faults) -> str:
    """The text of the script named by `setup:`; it stays inside the lesson's directory."""
    if not name:
        return ""
    script = (path.parent / name).resolve()
    if not script.is_relative_to(path.parent.resolve()) or not script.is_file():
        faults.add(1, f"setup: no file {name} in the lesson's directory")
        return ""
    return script.read_text(encoding="utf-8")


def _steps(
    body: str, offset: int, language: str, faults: Faults
) -> tuple[str, tuple[Step, ...], str]:
    """Cut the document at its second-level headings: introduction, steps, setup fences."""
    markdown = md.parser()
    sections: list[list[SyntaxTreeNode]] = [[]]
    for node in md.tree(markdown, body).children:
        if node.type == "heading" and node.tag == "h2":
            sections.append([])
        sections[-1].append(node)
    first = StepBuilder(markdown, faults, language, offset)
    intro = first.html(sections[0])
    for line in [task.line for task in first.tasks] + [quiz.line for quiz in first.quizzes]:
        faults.add(line, "tasks and questions stand in a step, after its ## heading")
    builders = [(StepBuilder(markdown, faults, language, offset), nodes) for nodes in sections[1:]]
    steps = tuple(_step(builder, nodes, faults) for builder, nodes in builders)
    return intro, steps, "".join(first.setup)


def _step(builder: StepBuilder, nodes: list[SyntaxTreeNode], faults: Faults) -> Step:
    line = builder.line(nodes[0])
    match = HEADING.match(nodes[0].children[0].content)
    title, id = (match["title"], match["id"]) if match else ("", None)
    if not id:
        faults.add(line, f"step {title!r} needs an id: ## Title {{#id}}")
    return builder.build(id or "", title, nodes[1:], line)


def _check_ids(steps: tuple[Step, ...], faults: Faults) -> None:
    """Progress is stored by id, so no two things of a kind may share one."""
    named = [("step", step.id, step.line) for step in steps]
    named += [("task", task.id, task.line) for step in steps for task in step.tasks]
    named += [("quiz", quiz.id, quiz.line) for step in steps for quiz in step.quizzes]
    counts = Counter((kind, id) for kind, id, _ in named)
    for kind, id, line in named:
        if id and counts[kind, id] > 1:
            faults.add(line, f"{kind} id {id!r} is used more than once")
    tasks = {task.id for step in steps for task in step.tasks}
    for task in (task for step in steps for task in step.tasks):
        if task.needs and task.needs not in tasks:
            faults.add(task.line, f"task {task.id} needs {task.needs!r}, which does not exist")


def _check_machines(steps: tuple[Step, ...], names: set[str], faults: Faults) -> None:
    """A command sent to a machine that is not there would wait for ever."""
    for step in steps:
        parts: list[Check | Solution | Wrong | Run] = [*step.runs]
        for task in step.tasks:
            parts += [*task.checks, *task.wrongs, *([task.solution] if task.solution else [])]
        for part in parts:
            if part.machine and part.machine not in names:
                faults.add(part.line, f"unknown machine {part.machine!r}")
