"""Questions: a `:::quiz` task list or an `:::answer` list, read into a `Quiz`.

`- [x]` is right, `- [ ]` is wrong, a quote under an option is what choosing it tells.
"""

import html
import re

from markdown_it.tree import SyntaxTreeNode

from lessons import markdown as md
from lessons.elements import Option, Quiz
from lessons.patterns import slow
from lessons.quizzes import matches
from lessons.source import Source
from lessons.words import word

BOX = re.compile(r"\[([ xX])\]\s+")
NUMBER = re.compile(r"-?\d+(\.\d+)?(\s*±\s*\d+(\.\d+)?)?")
ANSWER = re.compile(r"([=~#])\s+(.+)", re.DOTALL)


class Questions:
    """Reads the questions of one lesson."""

    def __init__(self, source: Source) -> None:
        self.source, self.markdown, self.faults = source, source.markdown, source.faults
        self.language = source.language

    def quiz(self, id: str, node: SyntaxTreeNode, line: int) -> Quiz:
        """A question with options to choose from."""
        options = [self._option(n, item, line) for n, item in enumerate(self._items(node), 1)]
        right = sum(option.right for option in options)
        if not right or right == len(options):
            self.faults.add(line, "a quiz needs at least one right and one wrong option")
        kind = "one" if right == 1 else "many"
        return Quiz(id, kind, self._question(node), tuple(options), line=line)

    def answer(self, id: str, node: SyntaxTreeNode, line: int) -> Quiz:
        """A question answered in words or a number."""
        answers = [self._answer(item, line) for item in self._items(node)]
        if not answers:
            self.faults.add(line, "an answer block needs a list of `= text`, `~ regex` or `# 42 ±1`")
        return Quiz(id, "text", self._question(node), answers=tuple(answers), line=line)

    def form(self, quiz: Quiz) -> str:
        """The HTML form of a question; it holds no hint of the right answer."""
        body = "".join(self._input(quiz, option) for option in quiz.options) or self._text(quiz)
        id, button = html.escape(quiz.id), word("answer", self.language)
        return (
            f'<form class="quiz" data-quiz="{id}" data-kind="{quiz.kind}">'
            f'<div class="quiz-question" id="{id}-question">{quiz.question}</div>'
            f'<div class="quiz-options" role="group" aria-labelledby="{id}-question">{body}</div>'
            f'<button type="submit">{button}</button>'
            '<div class="quiz-feedback" aria-live="polite"></div></form>\n'
        )

    def _input(self, quiz: Quiz, option: Option) -> str:
        kind = "radio" if quiz.kind == "one" else "checkbox"
        name = html.escape(quiz.id)
        control = f'<input type="{kind}" name="{name}" value="{option.id}">'
        return f'<label class="quiz-option">{control} <span>{option.html}</span></label>'

    def _text(self, quiz: Quiz) -> str:
        name, label = html.escape(quiz.id), word("your-answer", self.language)
        return f'<label>{label} <input type="text" name="{name}" autocomplete="off"></label>'

    def _items(self, node: SyntaxTreeNode) -> list[SyntaxTreeNode]:
        lists = [child for child in node.children if child.type == "bullet_list"]
        return list(lists[-1].children) if lists else []

    def _question(self, node: SyntaxTreeNode) -> str:
        nodes = [child for child in node.children if child.type != "bullet_list"]
        return md.render(self.markdown, nodes, self.source.env)

    def _option(self, number: int, item: SyntaxTreeNode, line: int) -> Option:
        line = self._line(item, line)
        text = _text_of(item)
        box = BOX.match(text)
        if not box:
            self.faults.add(line, f"option {number} begins with [x] or [ ]")
            return Option(str(number), "", False)
        quotes = [child for child in item.children if child.type == "blockquote"]
        feedback = "".join(md.render(self.markdown, list(q.children), self.source.env) for q in quotes)
        label = md.inline(self.markdown, text[box.end() :], self.source.env)
        return Option(str(number), label, box[1] != " ", feedback)

    def _line(self, item: SyntaxTreeNode, line: int) -> int:
        return item.map[0] + 1 + self.source.offset if item.map else line

    def _answer(self, item: SyntaxTreeNode, line: int) -> tuple[str, str]:
        line = self._line(item, line)
        match = ANSWER.fullmatch(_text_of(item).strip())
        if not match:
            self.faults.add(line, "an answer begins with =, ~ or #")
            return "=", ""
        kind, pattern = match[1], match[2].strip()
        if why := self._wrong(kind, pattern):
            self.faults.add(line, why)
            return "=", ""
        for quote in (child for child in item.children if child.type == "blockquote"):
            sample = _text_of(quote).strip()
            if not matches(kind, pattern, sample):
                self.faults.add(line, f"the answer {kind} {pattern} does not match its own sample {sample!r}")
        return kind, pattern

    def _wrong(self, kind: str, pattern: str) -> str | None:
        if kind == "#" and not NUMBER.fullmatch(pattern):
            return f"{pattern} is not a number such as 42 or 42 ±1"
        if kind == "~" and not _compiles(pattern):
            return f"not a regular expression: {pattern}"
        if kind == "~" and slow(pattern):
            return f"{pattern}: a repetition within a repetition could take for ever"
        return None


def _text_of(item: SyntaxTreeNode) -> str:
    """The source of the first paragraph (or, for `# 42`, heading) of a list item."""
    first = item.children[0] if item.children else None
    if first is None or not first.children:
        return ""
    return ("# " if first.type == "heading" else "") + first.children[0].content


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True
