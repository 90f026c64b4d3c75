"""The reader: one Markdown file in, one `Lesson` out, or every fault of the file at once."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from markdown_it.tree import SyntaxTreeNode

from lessons import frontmatter
from lessons import markdown as md
from lessons.attributes import Attributes, parse
from lessons.elements import Lesson, Step
from lessons.errors import Faults
from lessons.head import Head
from lessons.places import Places
from lessons.source import Include, Source
from lessons.steps import StepBuilder
from lessons.suggest import near

Beginning = tuple[str, tuple[Step, ...], str, tuple[tuple[str, str], ...]]  # introduction, steps, setups
STEP_ID = r"a step's id is lower-case letters, digits and -"


def read_lesson(path: Path, **options: Any) -> Lesson:
    """Read a file; raises LessonErrors with all that is wrong in it. Options as for `parse_lesson`."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        faults = Faults(path)
        faults.add(data.count(b"\n", 0, error.start) + 1, "the file is not UTF-8")
        faults.raise_if_any()
    return parse_lesson(text, path, **options)


def parse_lesson(
    text: str,
    path: Path = Path("lesson.md"),
    *,
    course: str = "",
    slug: str = "",
    language: str = "en",
    defaults: dict[str, Any] | None = None,
    include: Include | None = None,
    run_default: bool = False,
    root: Path | None = None,
    partial: bool = False,
) -> Lesson:
    """The same for a text already in memory.

    `root` is the course's directory: nothing outside is read. A `partial` lesson is a translation,
    whose other steps are elsewhere.
    """
    faults = Faults(path)
    if "\r" in text:
        faults.add(text.count("\n", 0, text.index("\r")) + 1, "line ends with CR LF; use LF")
    head, body, offset = frontmatter.split(text.replace("\r\n", "\n"), faults)
    root = root or path.parent
    fields = frontmatter.fields(head, defaults or {}, path, root)
    slug = slug or path.parent.name
    source = Source(
        md.parser(), faults, Places(path.parent, root), offset, language, run_default, include or Include(),
        f"/lessons/{course}/{slug}/files/", frozenset(machine.name for machine in fields["machines"]),
        fields["terminals"], conditions(fields, language),
    )  # fmt: skip
    intro, steps, setup, setup_on = _steps(body, source)
    for each, text in _more_files(head, source):
        steps += _steps(text, each, alone=True)[1]
    fields["setup"] = _setup_file(fields["setup"], head, source) + setup
    _check_ids(steps, faults)
    if not partial:
        _check_needs(steps, faults)
    faults.raise_if_any()
    return Lesson(
        slug=slug, course=course, language=language, path=path, intro_html=intro, steps=steps, setup_on=setup_on, **fields
    )


def conditions(fields: dict[str, Any], language: str) -> dict[str, set[str]]:
    """What `:::only` may ask for, and what holds for this lesson."""
    machines = fields["machines"]
    asked = {key: {getattr(machine, key) for machine in machines} for key in ("image", "network", "profile")}
    return asked | {"language": {language}}


def _more_files(head: Head, source: Source) -> list[tuple[Source, str]]:
    """The files of `steps:`, each read as if it stood at the end of the lesson."""
    found = []
    for n, name in enumerate(head.data.get("steps") or ()):
        text, why = source.places.text(str(name))
        if why:
            head.fault(f"steps: {why}", "steps", n)
            continue
        faults = source.faults.elsewhere(source.places.directory / str(name))
        found.append((replace(source, faults=faults, offset=0), text))
    return found


def _setup_file(name: str, head: Head, source: Source) -> str:
    """The text of the script named by `setup:`; it stays inside the lesson's course."""
    if not name:
        return ""
    text, why = source.places.text(name)
    if why:
        head.fault(f"setup: {why}", "setup")
    return source.include.before("sh") + text


def _steps(body: str, source: Source, alone: bool = False) -> Beginning:
    """Cut the document at its second-level headings: introduction, steps, setup fences."""
    sections: list[list[SyntaxTreeNode]] = [[]]
    for node in md.tree(source.markdown, body).children:
        if node.type == "heading" and node.tag == "h2":
            sections.append([])
        sections[-1].append(node)
    first = StepBuilder(source)
    if alone and sections[0]:
        source.faults.add(first.line(sections[0][0]), "a file of steps begins with a ## heading")
    intro = first.html(sections[0])
    lines = [task.line for task in first.parts.tasks] + [quiz.line for quiz in first.parts.quizzes]
    lines += [action.line for action in first.parts.actions]
    for line in lines:
        source.faults.add(line, "tasks, questions and commands stand in a step, after its ## heading")
    steps = tuple(_step(StepBuilder(source), nodes) for nodes in sections[1:])
    return intro, steps, "".join(first.parts.setup), tuple(first.parts.setup_on)


def _step(builder: StepBuilder, nodes: list[SyntaxTreeNode]) -> Step:
    line, content = builder.line(nodes[0]), nodes[0].children[0].content.strip()
    title, brace, rest = content.rpartition("{")
    found = Attributes()
    if brace and rest.endswith("}") and rest[:1] in ("#", "g"):
        try:
            found = parse(rest[:-1])
        except ValueError as error:
            builder.faults.add(line, str(error))
    else:
        title = content
    for name in found.unknown({"gate"}):
        builder.faults.add(line, f"unknown attribute {name!r} of a step{near(name, {'gate'})} (known: gate)")
    if not found.id:
        builder.faults.add(line, f"step {title.strip()!r} needs an id: ## Title {{#id}}")
    elif found.id != found.id.lower() or "_" in found.id:
        builder.faults.add(line, f"{found.id!r}: {STEP_ID}")
    return builder.build(found.id, title.strip(), nodes[1:], line, _gate(found, line, builder))


def _gate(found: Attributes, line: int, builder: StepBuilder) -> bool | None:
    """`gate=false`: the next step opens without this one's tasks."""
    if "gate" in found.flags or found.values.get("gate", "true") not in ("true", "false"):
        builder.faults.add(line, "gate is written gate=true or gate=false")
    return {"true": True, "false": False}.get(found.values.get("gate", ""))


def _check_ids(steps: tuple[Step, ...], faults: Faults) -> None:
    """Progress is stored by id, so no two things of a kind may share one."""
    named = [("step", step.id, step.line, step) for step in steps]
    named += [("task", task.id, task.line, step) for step in steps for task in step.tasks]
    named += [("quiz", quiz.id, quiz.line, step) for step in steps for quiz in step.quizzes]
    counts = Counter((kind, id) for kind, id, *_ in named)
    for kind, id, line, step in named:
        if id and counts[kind, id] > 1:
            faults.elsewhere(step.path).add(line, f"{kind} id {id!r} is used more than once")


def _check_needs(steps: tuple[Step, ...], faults: Faults) -> None:
    """A task that waits for one that does not exist would wait for ever."""
    tasks = {task.id for step in steps for task in step.tasks}
    for home, task in ((step, task) for step in steps for task in step.tasks):
        if task.needs and task.needs not in tasks - {task.id}:
            tail = near(task.needs, tasks - {task.id})
            faults.elsewhere(home.path).add(task.line, f"task {task.id} needs {task.needs!r}, which does not exist{tail}")
