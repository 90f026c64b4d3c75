"""Steps: the nodes under one heading become HTML, tasks, actions and quizzes.

One pass over the top-level nodes does both jobs, so that what the page shows and what the
checker runs can never come from two readings of the file.
"""

import html
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from markdown_it.tree import SyntaxTreeNode

from lessons import fences, links
from lessons import markdown as md
from lessons.attributes import Attributes, parse_directive
from lessons.elements import Action, Check, Quiz, Run, Save, Solution, Step, Task, Wrong
from lessons.fences import Fence
from lessons.questions import Questions
from lessons.source import Source
from lessons.suggest import listed, near
from lessons.words import word

DIRECTIVES: dict[str, set[str]] = {
    "task": {"auto", "points", "needs", "done-at-start"},
    "quiz": set(),
    "answer": set(),
    "hint": {"after", "tries"},
    "solution": set(),
    "note": set(),
    "tip": set(),
    "warning": set(),
    "details": set(),
    "only": {"image", "language", "network", "profile"},
}
FLAGS = {"auto", "done-at-start"}
NEST = "a block around another block needs more colons than the one inside: ::::task … :::hint"


@dataclass
class Parts:
    """What a step's nodes have declared so far."""

    tasks: list[Task] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    quizzes: list[Quiz] = field(default_factory=list)
    setup: list[str] = field(default_factory=list)
    setup_on: list[tuple[str, str]] = field(default_factory=list)
    solution_html: str = ""
    output_wanted: bool = False  # an `output` may follow


@dataclass
class Proof:
    """What a task's fences have said so far."""

    checks: list[Check] = field(default_factory=list)
    solution: Solution | None = None
    wrongs: list[Wrong] = field(default_factory=list)


class StepBuilder:
    """Collects the parts of one step."""

    def __init__(self, source: Source) -> None:
        self.source, self.faults, self.markdown = source, source.faults, source.markdown
        self.language = source.language
        self.questions = Questions(source)
        self.parts = Parts()

    def build(self, id: str, title: str, nodes: list[SyntaxTreeNode], line: int, gate: bool | None = None) -> Step:
        """The step made of these nodes."""
        body, parts = self.html(nodes), self.parts
        runs = tuple(action for action in parts.actions if isinstance(action, Run))
        return Step(
            id, title, body, tuple(parts.tasks), runs, tuple(parts.quizzes), tuple(parts.setup), parts.solution_html, line,
            tuple(parts.actions), gate, path=self.source.path, setup_on=tuple(parts.setup_on),
        )  # fmt: skip

    def line(self, node: SyntaxTreeNode) -> int:
        """The line of the file a node begins on."""
        return (node.map[0] if node.map else 0) + 1 + self.source.offset

    def html(self, nodes: list[SyntaxTreeNode], proof: Proof | None = None) -> str:
        """HTML of some nodes; what they declare is collected on the way."""
        return "".join(self._node(node, proof) for node in nodes)

    def _node(self, node: SyntaxTreeNode, proof: Proof | None) -> str:
        if node.type == "container_directive":
            return self._directive(node)
        if node.type == "paragraph" and node.children[0].content.strip(": ") == "":
            self.faults.add(self.line(node), NEST)
        known = len(self.faults.errors)
        for inner in node.walk():
            if inner.type == "container_directive":
                self.faults.add(self.line(inner), "a ::: block begins at the left margin")
            elif inner.type == "fence":
                self._fence(inner, proof)
            elif inner.type in ("inline", "heading"):
                links.check(inner, self.line(inner if inner.map else node), self.source)
        if len(self.faults.errors) > known:
            return ""
        return md.render(self.markdown, [node], self.source.env)

    # Fences

    def _fence(self, node: SyntaxTreeNode, proof: Proof | None) -> None:
        """Collect what a fence declares, and leave for the renderer what it is."""
        fence = fences.read(node.info, node.content, self.line(node), self.source)
        if fence is None:
            return
        meta = node.token.meta if node.token else {}
        meta |= {"kind": fence.kind, "language": fence.language}
        wanted, self.parts.output_wanted = self.parts.output_wanted, fence.kind == "run"
        if fence.kind in fences.PROOFS:
            self._prove(proof, fence)
        elif fence.kind == "output":
            self._output(fence, wanted)
        elif fence.kind == "setup":
            self._set_up(fence)
        elif fence.kind == "edit":
            meta["edit"] = fences.edit(fence, self.source)
        elif fence.kind:
            self._act(fence, meta)

    def _set_up(self, fence: Fence) -> None:
        """A script for the first machine, or for the one it names."""
        script, machine = self.source.include.before("sh") + fence.text, fence.value("machine")
        if machine:
            self.parts.setup_on.append((machine, script))
        else:
            self.parts.setup.append(script)

    def _act(self, fence: Fence, meta: dict) -> None:
        """Something the page offers to do."""
        if fence.kind == "keys":
            action: Action = fences.pressed(fence)
        elif fence.kind == "run":
            action = fences.run(fence, self.source)
        else:
            action = fences.save(fence, self.source)
            meta["block"] = sum(isinstance(each, Save) for each in self.parts.actions)
        meta["action"] = action
        self.parts.actions.append(action)

    def _output(self, fence: Fence, wanted: bool) -> None:
        """What the command right before prints."""
        last = self.parts.actions[-1] if self.parts.actions else None
        if not wanted or not isinstance(last, Run):
            self.faults.add(fence.line, "expected output without a command to run before it")
            return
        self.parts.actions[-1] = replace(last, output=fence.text)

    def _prove(self, proof: Proof | None, fence: Fence) -> None:
        if proof is None:
            self.faults.add(fence.line, f"a {fence.kind} fence stands inside a :::task")
        elif fence.kind == "wrong":
            proof.wrongs.append(fences.wrong(fence, self.source))
        elif fence.kind == "check":
            proof.checks.append(fences.check(fence, self.source))
        elif proof.solution is not None:
            self.faults.add(fence.line, "a task has one solution")
        else:
            code = md.code_block(fence.text, fence.language)
            self.parts.solution_html += code
            proof.solution = fences.solution(fence, code)

    # Blocks

    def _directive(self, node: SyntaxTreeNode) -> str:
        line = self.line(node)
        try:
            name, label, found = parse_directive(node.info)
        except ValueError as error:
            self.faults.add(line, str(error))
            return ""
        if name not in DIRECTIVES:
            self.faults.add(line, f"unknown block :::{name}{near(name, DIRECTIVES) or f' (known: {listed(DIRECTIVES)})'}")
            return ""
        for unknown in found.unknown(DIRECTIVES[name]):
            known = DIRECTIVES[name]
            tail = near(unknown, known) or (f" (known: {listed(known)})" if known else " (it has none)")
            self.faults.add(line, f"unknown attribute {unknown!r} of :::{name}{tail}")
        for flag in (set(found.flags) & DIRECTIVES[name]) - FLAGS:
            self.faults.add(line, f"{flag} needs a value: {flag}=…")
        make: Callable[[SyntaxTreeNode, str, str, Attributes], str] = getattr(self, f"_{name}", self._box)
        return make(node, name, label, found)

    def _number(self, found: Attributes, name: str, default: int, line: int) -> int:
        try:
            return found.number(name, default)
        except ValueError as error:
            self.faults.add(line, str(error))
            return default

    def _task(self, node: SyntaxTreeNode, name: str, label: str, found: Attributes) -> str:
        line, proof, known = self.line(node), Proof(), len(self.faults.errors)
        if label:
            self.faults.add(line, "a task has no title: write its text in the block")
        body = self.html(list(node.children), proof)
        if not found.id:
            self.faults.add(line, "a task needs an id: :::task{#name}")
        points = self._number(found, "points", 1, line)
        if not proof.checks:
            if len(self.faults.errors) == known:
                self.faults.add(line, f"task {found.id} has no check")
            return ""
        task = Task(
            id=found.id, html=body, checks=tuple(proof.checks), auto="auto" in found.flags,
            solution=proof.solution, wrongs=tuple(proof.wrongs), points=points,
            needs=found.values.get("needs", ""), done_at_start="done-at-start" in found.flags, line=line,
        )  # fmt: skip
        self.parts.tasks.append(task)
        auto = " data-auto" if task.auto else ""
        needs = f' data-needs="{html.escape(task.needs)}"' if task.needs else ""
        return f'<section class="task" data-task="{html.escape(task.id)}"{auto}{needs}>{body}</section>\n'

    def _quiz(self, node: SyntaxTreeNode, name: str, label: str, found: Attributes) -> str:
        line = self.line(node)
        if not found.id:
            self.faults.add(line, f"a question needs an id: :::{name}{{#name}}")
        for inner in node.walk():
            if (
                inner.type in ("fence", "container_directive")
                and (inner.type != "fence" or "{" in inner.info)
                and inner is not node
            ):
                self.faults.add(self.line(inner), f"a :::{name} holds text and its answers, no blocks of their own")
            elif inner.type == "inline":
                links.check(inner, line, self.source)
        read = self.questions.quiz if name == "quiz" else self.questions.answer
        self.parts.quizzes.append(read(found.id, node, line))
        return self.questions.form(self.parts.quizzes[-1])

    _answer = _quiz

    def _hint(self, node: SyntaxTreeNode, name: str, label: str, found: Attributes) -> str:
        numbers = {key: self._number(found, key, 0, self.line(node)) for key in ("after", "tries") if key in found.values}
        data = "".join(f' data-{key}="{value}"' for key, value in numbers.items())
        return self._folded(f'class="hint"{data}', label or word("hint", self.language), node)

    def _details(self, node: SyntaxTreeNode, name: str, label: str, found: Attributes) -> str:
        return self._folded('class="details"', label or word("details", self.language), node)

    def _solution(self, node: SyntaxTreeNode, name: str, label: str, found: Attributes) -> str:
        """Prose shown with the solution, by the policy of the lesson: not in the step's HTML."""
        self.parts.solution_html += self.html(list(node.children))
        return ""

    def _only(self, node: SyntaxTreeNode, name: str, label: str, found: Attributes) -> str:
        """Text for some images or languages; what does not apply is read for its faults all the same."""
        if not found.values:
            self.faults.add(self.line(node), ":::only says when: {image=debian-12}")
        holds = all(self.source.conditions.get(key, set()) & set(value.split(",")) for key, value in found.values.items())
        if holds:
            return self.html(list(node.children))
        elsewhere = StepBuilder(self.source)
        elsewhere.html(list(node.children))
        return ""

    def _box(self, node: SyntaxTreeNode, name: str, label: str, found: Attributes) -> str:
        title = md.inline(self.markdown, label or word(name, self.language))
        body = self.html(list(node.children))
        return f'<aside class="{name}"><p class="title">{title}</p>{body}</aside>\n'

    def _folded(self, attributes: str, label: str, node: SyntaxTreeNode) -> str:
        title = md.inline(self.markdown, label)
        body = self.html(list(node.children))
        return f"<details {attributes}><summary>{title}</summary>{body}</details>\n"
