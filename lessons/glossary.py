"""The glossary of a course: the tables of words with which its lessons end, put together.

A lesson explains a new word where it first needs it, in bold, and closes with a table
`| word | means |`, in Chinese `| 词 | 意思 |`. It is an ordinary table, so it reads well anywhere; here it is
also an entry. One word has one explanation, that of the first lesson that gives it.
"""

import html
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from markdown_it.tree import SyntaxTreeNode

from lessons import catalog
from lessons import markdown as md
from lessons.outline import Outline

HEADS = (["word", "means"], ["词", "意思"])
BETWEEN = re.compile(r"[,，、]\s*|\s*[(（]|[)）]")
BOLD = re.compile(r"<strong>([^<]+)</strong>")


@dataclass(frozen=True)
class Term:
    """A word, its other names, what it means as HTML and as a line of text, and the lesson that teaches it."""

    names: tuple[str, ...]
    html: str
    text: str
    lesson: Outline

    @property
    def id(self) -> str:
        """Its anchor on the page."""
        return "-".join(self.names[0].lower().split())


def of(course: str, language: str) -> tuple[Term, ...]:
    """Every word of a course, in the order of the alphabet; none for lessons of another platform."""
    if course not in catalog.names():
        return ()
    found: dict[str, Term] = {}
    for lesson in catalog.course(course, language).lessons:
        path = catalog.lesson_file(course, lesson.slug, language)
        for word, means in table(path, path.stat().st_mtime_ns):
            term = _term(word, means, lesson)
            found.setdefault(term.names[0].lower(), term)
    return tuple(sorted(found.values(), key=lambda term: term.names[0].lower()))


@lru_cache(maxsize=256)
def table(path: Path, stamp: int) -> tuple[tuple[str, str], ...]:
    """The rows of one lesson's tables of words; read again when the file has changed."""
    rows: list[tuple[str, str]] = []
    for node in md.tree(md.parser(), path.read_text(encoding="utf-8")).walk():
        if node.type == "table" and [_content(cell) for cell in node.children[0].children[0].children] in HEADS:
            rows += [(_content(row.children[0]), _content(row.children[1])) for row in node.children[1].children]
    return tuple(rows)


def _content(cell: SyntaxTreeNode) -> str:
    return cell.children[0].content if cell.children else ""


def _term(word: str, means: str, lesson: Outline) -> Term:
    plain = means.replace("`", "")
    names = tuple(name.strip(" `") for name in BETWEEN.split(word) if name.strip(" `"))
    return Term(names, md.inline(md.parser(), means), plain, lesson)


class Linker:
    """Makes links of the bold words of a page that the glossary explains; each once, where it comes first."""

    def __init__(self, terms: tuple[Term, ...], address: str) -> None:
        self.address = address
        self.terms = {name.lower(): term for term in reversed(terms) for name in term.names}
        self.seen: set[str] = set()

    def link(self, text: str) -> str:
        """The HTML of a step, with its links."""
        return BOLD.sub(self._one, text)

    def _one(self, found: re.Match[str]) -> str:
        word = html.unescape(found[1]).lower()
        term = self.terms.get(word) or self.terms.get(word.removesuffix("s"))
        if term is None or term.id in self.seen:
            return found[0]
        self.seen.add(term.id)
        address = html.escape(f"{self.address}#{term.id}")
        return f'<a class="term" href="{address}" title="{html.escape(term.text)}" target="_blank">{found[0]}</a>'
