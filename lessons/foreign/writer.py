"""The HTML of a step, written as a text of our own format.

Only cleaned HTML and our own widgets come here, so every tag is known. A widget becomes what an
author would have written for it: a fence, a `:::` block, a link. An action that stood in a
sentence becomes a fence after the paragraph, since in our format only blocks can be run.
"""

import re

from lessons.elements import Quiz, Step, Task
from lessons.foreign.fenced import command, fenced, pressed, saved
from lessons.foreign.tree import Node, Tree
from lessons.lint import STAYS

INLINE = {"em": "*", "i": "*", "cite": "*", "dfn": "*", "strong": "**", "b": "**", "s": "~~", "del": "~~", "strike": "~~"}
CODE = {"code", "kbd", "samp", "tt", "var"}
SPECIAL = re.compile(r"([\\`*_\[\]<>~|&])")
BACKSLASH = r"\\\1"
LINE_START = re.compile(r"^(\s*)([#+\-=:]|\d+[.)])", re.MULTILINE)


class Writer:
    """Writes one step. `tasks` says for each task what stands in its box."""

    def __init__(self, step: Step, tasks: dict[str, str], pictures: dict[str, str]) -> None:
        self.step, self.tasks, self.pictures = step, tasks, pictures
        self.depth = 0  # lists and quotes around: our blocks may only begin at the left margin
        self.hoisted: list[str] = []  # questions found there, to be put after
        self.pending: list[str] = []  # fences of the actions of the paragraph that is being written
        self.busy: set[str] = set()  # terminals in which a command runs that does not end

    def write(self, html: str) -> str:
        """The Markdown of some HTML."""
        root = Tree(html).stack[0]
        return re.sub(r"\n{3,}", "\n\n", "\n\n".join(self.blocks(root.children))).strip() + "\n"

    def blocks(self, children: list[Node | str]) -> list[str]:
        """Children as blocks; what is inline and stands together is one paragraph."""
        found: list[str] = []
        line: list[Node | str] = []
        for child in children:
            if isinstance(child, str) or not self._is_block(child):
                line.append(child)
                continue
            found += self._paragraph(line)
            line = []
            found += self.block(child)
        return [block for block in [*found, *self._paragraph(line)] if block.strip()]

    def _is_block(self, node: Node) -> bool:
        return hasattr(self, f"_{node.tag}") or bool(re.fullmatch(r"h[1-6]", node.tag))

    def _paragraph(self, children: list[Node | str]) -> list[str]:
        text = re.sub(r"^(\\\n|\s)+|(\\\n|\s)+$", "", self.inline(children) + "\n")
        text = LINE_START.sub(r"\1\\\2", text)
        after, self.pending = self.pending, []
        return [text, *after] if text else after

    def block(self, node: Node) -> list[str]:
        """One block element."""
        outer = self.depth
        self.depth += node.tag in ("ul", "ol", "blockquote", "table")
        found = self._written(node)
        self.depth = outer
        if outer:
            return found
        after, self.hoisted = self.hoisted, []
        return [*found, *after]

    def _written(self, node: Node) -> list[str]:
        if re.fullmatch(r"h[1-6]", node.tag):
            title = self.inline(node.children).strip().replace("\n", " ")
            return [f"{'#' * min(6, int(node.tag[1]) + 1)} {title}"] if title else []
        return getattr(self, f"_{node.tag}")(node)

    def _p(self, node: Node) -> list[str]:
        return self.blocks(node.children)

    _center = _figure = _figcaption = _dl = _dt = _dd = _tbody = _p

    def _hr(self, node: Node) -> list[str]:
        return ["* * *"]

    def _blockquote(self, node: Node) -> list[str]:
        text = "\n\n".join(self.blocks(node.children))
        return ["\n".join(f"> {line}".rstrip() for line in text.split("\n"))]

    def _ul(self, node: Node) -> list[str]:
        return self._list(node, lambda n: "- ")

    def _ol(self, node: Node) -> list[str]:
        first = int(node.given.get("start") or 1) if (node.given.get("start") or "1").isdigit() else 1
        return self._list(node, lambda n: f"{first + n}. ")

    def _list(self, node: Node, mark: object) -> list[str]:
        items = [child for child in node.children if isinstance(child, Node)]
        written = []
        for number, item in enumerate(items):
            head = mark(number)  # type: ignore[operator]
            body = "\n\n".join(self.blocks(item.children)) or " "
            written.append(head + body.replace("\n", "\n" + " " * len(head)))
        return ["\n".join(re.sub(r"(?m)^[ ]+$", "", each) for each in written)] if written else []

    def _table(self, node: Node) -> list[str]:
        rows = [
            [self.inline(cell.children).strip().replace("\n", " ") for cell in row.find("th") + row.find("td")]
            for row in node.find("tr")
        ]
        rows = [row for row in rows if row]
        if not rows:
            return []
        width = max(map(len, rows))
        lines = ["| " + " | ".join(row + [""] * (width - len(row))) + " |" for row in rows]
        after, self.pending = self.pending, []
        return ["\n".join([lines[0], "|" + "---|" * width, *lines[1:]]), *after]

    def _details(self, node: Node) -> list[str]:
        summary = next((child for child in node.children if isinstance(child, Node) and child.tag == "summary"), None)
        label = re.sub(r"[\[\]]", "", summary.text().strip()) if summary else ""
        rest = [child for child in node.children if child is not summary]
        if self.depth:
            return [f"**{SPECIAL.sub(BACKSLASH, label)}**" if label else "", *self.blocks(rest)]
        name = "hint" if node.given.get("class") == "hint" else "details"
        return [directive(name, label.replace("\n", " "), "\n\n".join(self.blocks(rest)))]

    def _aside(self, node: Node) -> list[str]:
        if self.depth:
            return self.blocks(node.children)
        return [directive("warning", "", "\n\n".join(self.blocks(node.children)))]

    def _section(self, node: Node) -> list[str]:
        task = self.step.task(node.given.get("data-task", ""))
        return [self.tasks.get(task.id, "")] if task else self.blocks(node.children)

    def _form(self, node: Node) -> list[str]:
        found = next((quiz for quiz in self.step.quizzes if quiz.id == node.given.get("data-quiz")), None)
        if found and self.depth:
            self.hoisted.append(self._quiz(found))
        return [self._quiz(found)] if found and not self.depth else []

    def _pre(self, node: Node) -> list[str]:
        return [fenced("text", node.text())]

    def _div(self, node: Node) -> list[str]:
        given = node.given
        if "data-save" in given:
            return [saved(self.step.saves[int(given["data-save"])])]
        if "data-run" in given:
            return [self._run(given, _language(node))]
        if "data-copy" in given:
            return [fenced(_language(node), node.text())]
        return self.blocks(node.children)

    def _run(self, given: dict[str, str], language: str) -> str:
        """A command; one after a command that does not end needs Ctrl-C first."""
        if keys := pressed(given):
            self.busy.discard(given["data-terminal"])
            return keys
        place = given["data-terminal"]
        if place in self.busy:
            given = given | {"data-interrupt": ""}
        self.busy.discard(place)
        if STAYS.match(given["data-run"].strip()):
            self.busy.add(place)
        return command(given, language)

    def _quiz(self, quiz: Quiz) -> str:
        question = self.write(quiz.question).strip()
        if quiz.kind == "text":
            lines = [f"- = {text}" if kind == "=" else f"- ~ {text}" for kind, text in quiz.answers]
            return directive("answer", "", f"{question}\n\n" + "\n".join(lines), f"#{quiz.id}")
        lines = [f"- [{'x' if option.right else ' '}] {self.write(option.html).strip() or '(empty)'}" for option in quiz.options]
        return directive("quiz", "", f"{question}\n\n" + "\n".join(lines), f"#{quiz.id}")

    def inline(self, children: list[Node | str]) -> str:
        """Children as text within a paragraph."""
        return "".join(self._text(child) if isinstance(child, str) else self._inline(child) for child in children)

    def _text(self, text: str) -> str:
        return SPECIAL.sub(BACKSLASH, re.sub(r"[ \t]*\n[ \t\n]*", "\n", text))

    def _inline(self, node: Node) -> str:
        if node.tag == "br":
            return "\\\n"
        if node.tag in CODE:
            return span(node.text())
        if node.tag == "img":
            return self._picture(node)
        if node.tag == "a":
            return self._link(node)
        if "data-run" in node.given:
            self.pending.append(self._run(node.given, "sh"))
            return span(node.text())
        if self._is_block(node) and node.tag != "p":
            self.pending += self.block(node)
            return ""
        mark, body = INLINE.get(node.tag, ""), self.inline(node.children)
        inner = body.strip()
        return body.replace(inner, f"{mark}{inner}{mark}") if mark and inner else body

    def _picture(self, node: Node) -> str:
        alt, name = SPECIAL.sub(BACKSLASH, node.given.get("alt", "")), self.pictures.get(node.given.get("src", ""))
        return f"![{alt}]({name})" if name else alt

    def _link(self, node: Node) -> str:
        label, place = self.inline(node.children), node.given.get("data-lab")
        if place is None:
            href = node.given.get("href", "")
            return f"[{label}](<{href}>)" if href and not set("<>\n") & set(href) else label
        return f"[{label}](<lab:{place}>)"


def directive(name: str, label: str, body: str, attributes: str = "") -> str:
    """A `:::` block, with more colons than any inside."""
    inner = max((len(found) for found in re.findall(r"^:{3,}", body, re.MULTILINE)), default=2)
    colons = ":" * (inner + 1)
    head = f"{colons}{name}" + (f"[{label}]" if label else "") + (f"{{{attributes}}}" if attributes else "")
    return f"{head}\n{body.strip()}\n{colons}"


def span(text: str) -> str:
    """Inline code, whatever back-ticks it holds."""
    text = " ".join(text.split("\n"))
    ticks = "`" * (max((len(found) for found in re.findall(r"`+", text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}" if text.strip() else ""


def task_box(task: Task, words: str, fences: list[str]) -> str:
    """A task with its proof."""
    return directive("task", "", "\n\n".join([words, *fences]), f"#{task.id}" + " auto" * task.auto)


def _language(node: Node) -> str:
    code = node.find("code")
    return code[0].given.get("class", "").removeprefix("language-") if code else ""
