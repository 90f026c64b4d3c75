"""Steps: the nodes under one heading become HTML, tasks, runs and quizzes.

One pass over the top-level nodes does both jobs, so that what the page shows and what the
checker runs can never come from two readings of the file.
"""

import html
from dataclasses import replace

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from lessons import fences
from lessons import markdown as md
from lessons.attributes import Attributes, parse_directive
from lessons.elements import Check, Quiz, Run, Solution, Step, Task, Wrong
from lessons.errors import Faults
from lessons.questions import Questions
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
}
NEST = "a block around another block needs more colons than the one inside: ::::task … :::hint"


class Proof:
    """What a task's fences have said so far."""

    def __init__(self) -> None:
        self.checks: list[Check] = []
        self.solution: Solution | None = None
        self.wrongs: list[Wrong] = []


class StepBuilder:
    """Collects the parts of one step."""

    def __init__(self, markdown: MarkdownIt, faults: Faults, language: str, offset: int) -> None:
        self.markdown, self.faults = markdown, faults
        self.language, self.offset = language, offset
        self.questions = Questions(markdown, faults, language)
        self.tasks: list[Task] = []
        self.runs: list[Run] = []
        self.quizzes: list[Quiz] = []
        self.setup: list[str] = []
        self.solution_html = ""

    def build(self, id: str, title: str, nodes: list[SyntaxTreeNode], line: int) -> Step:
        """The step made of these nodes."""
        body = self.html(nodes)
        parts = (tuple(self.tasks), tuple(self.runs), tuple(self.quizzes), tuple(self.setup))
        return Step(id, title, body, *parts, self.solution_html, line)

    def line(self, node: SyntaxTreeNode) -> int:
        """The line of the file a node begins on."""
        return (node.map[0] if node.map else 0) + 1 + self.offset

    def html(self, nodes: list[SyntaxTreeNode], proof: Proof | None = None) -> str:
        """HTML of some nodes; what they declare is collected on the way."""
        return "".join(self._node(node, proof) for node in nodes)

    def _node(self, node: SyntaxTreeNode, proof: Proof | None) -> str:
        if node.type == "container_directive":
            return self._directive(node)
        if node.type == "paragraph" and node.children[0].content.strip(": ") == "":
            self.faults.add(self.line(node), NEST)
        for inner in node.walk():
            if inner.type == "container_directive":
                self.faults.add(self.line(inner), "a ::: block begins at the left margin")
            if inner.type == "fence" and not self._fence(inner, proof):
                return ""
        return md.render(self.markdown, [node], self.language)

    def _fence(self, node: SyntaxTreeNode, proof: Proof | None) -> bool:
        """Collect what a fence declares; say whether it can be rendered."""
        line, count = self.line(node), len(self.faults.errors)
        kind, language, found = fences.read(node.info, line, self.faults)
        if len(self.faults.errors) > count:
            return False
        if kind in ("check", "solution", "wrong"):
            self._prove(proof, kind, language, found, node)
        elif kind == "run":
            self.runs.append(fences.run(node.content, found, line, self.faults))
        elif kind == "setup":
            self.setup.append(node.content)
        elif kind == "output" and self.runs:
            self.runs[-1] = replace(self.runs[-1], output=node.content)
        elif kind == "output":
            self.faults.add(line, "expected output without a command to run before it")
        return True

    def _prove(
        self, proof: Proof | None, kind: str, language: str, found: Attributes, node: SyntaxTreeNode
    ) -> None:
        line = self.line(node)
        if proof is None:
            self.faults.add(line, f"a {kind} fence stands inside a :::task")
        elif kind == "wrong":
            proof.wrongs.append(fences.wrong(node.content, found, line, self.faults))
        elif kind == "check":
            proof.checks.append(fences.check(node.content, language, found, line, self.faults))
        elif proof.solution is not None:
            self.faults.add(line, "a task has one solution")
        else:
            code = md.code_block(node.content, language)
            self.solution_html += code
            proof.solution = fences.solution(node.content, found, code, line)

    def _directive(self, node: SyntaxTreeNode) -> str:
        line = self.line(node)
        try:
            name, label, found = parse_directive(node.info)
        except ValueError as error:
            self.faults.add(line, str(error))
            return ""
        if name not in DIRECTIVES:
            self.faults.add(line, f"unknown block :::{name}")
            return ""
        for unknown in found.unknown(DIRECTIVES[name]):
            self.faults.add(line, f"unknown attribute {unknown!r} of :::{name}")
        make = getattr(self, f"_{name}", self._box)
        return make(node, name, label, found)

    def _task(self, node: SyntaxTreeNode, name: str, label: str, found: Attributes) -> str:
        line, proof = self.line(node), Proof()
        body = self.html(list(node.children), proof)
        if not found.id:
            self.faults.add(line, "a task needs an id: :::task{#name}")
        if not proof.checks:
            self.faults.add(line, f"task {found.id} has no check")
            return ""
        task = Task(
            id=found.id, html=body, checks=tuple(proof.checks), auto="auto" in found.flags,
            solution=proof.solution, wrongs=tuple(proof.wrongs),
            points=int(found.values.get("points", 1)), needs=found.values.get("needs", ""),
            done_at_start="done-at-start" in found.flags, line=line,
        )  # fmt: skip
        self.tasks.append(task)
        auto = " data-auto" if task.auto else ""
        return f'<section class="task" data-task="{task.id}"{auto}>{body}</section>\n'

    def _quiz(self, node: SyntaxTreeNode, name: str, label: str, found: Attributes) -> str:
        line = self.line(node)
        if not found.id:
            self.faults.add(line, f"a question needs an id: :::{name}{{#name}}")
        read = self.questions.quiz if name == "quiz" else self.questions.answer
        self.quizzes.append(read(found.id, node, line))
        return self.questions.form(self.quizzes[-1])

    _answer = _quiz

    def _hint(self, node: SyntaxTreeNode, name: str, label: str, found: Attributes) -> str:
        data = "".join(f' data-{key}="{html.escape(value)}"' for key, value in found.values.items())
        return self._folded(f'class="hint"{data}', label or word("hint", self.language), node)

    def _details(self, node: SyntaxTreeNode, name: str, label: str, found: Attributes) -> str:
        return self._folded('class="details"', label or word("details", self.language), node)

    def _solution(self, node: SyntaxTreeNode, name: str, label: str, found: Attributes) -> str:
        """Prose shown with the solution, by the policy of the lesson: not in the step's HTML."""
        self.solution_html += self.html(list(node.children))
        return ""

    def _box(self, node: SyntaxTreeNode, name: str, label: str, found: Attributes) -> str:
        title = md.inline(self.markdown, label or word(name, self.language))
        body = self.html(list(node.children))
        return f'<aside class="{name}"><p class="title">{title}</p>{body}</aside>\n'

    def _folded(self, attributes: str, label: str, node: SyntaxTreeNode) -> str:
        title = md.inline(self.markdown, label)
        body = self.html(list(node.children))
        return f"<details {attributes}><summary>{title}</summary>{body}</details>\n"
