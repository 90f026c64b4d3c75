"""A hostile author: whatever she writes and wherever, her lesson cannot run a script in a reader's page."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessons import links
from lessons.elements import Lesson
from lessons.errors import LessonErrors
from lessons.reader import parse_lesson

VECTORS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    '"><script>alert(1)</script>',
    "' onmouseover='alert(1)",
    '" autofocus onfocus="alert(1)',
    "</pre></code><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "<!--><script>alert(1)</script>-->",
    "<math><mtext><table><mglyph><style><img src onerror=alert(1)>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#x3c;script&#x3e;",
    "<a href='javascript:alert(1)'>x</a>",
    "<base href='https://evil.example/'>",
    "<form action='https://evil.example'><button>",
    "<style>*{background:url(https://evil.example)}</style>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "\u2028<script>alert(1)</script>",
    "\x00<script>alert(1)</script>",
]
URLS = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "&#106;avascript:alert(1)",
    "java%0ascript:alert(1)",
    "vbscript:x",
    "data:text/html,<script>alert(1)</script>",
    "data:image/svg+xml;base64,PHN2Zz4=",
    "file:///etc/passwd",
    "blob:https://evil.example/x",
    "//evil.example/x",
    'lab:port/80/"onclick=alert(1)',
]
PLACES = [
    "{}",
    "## {} {{#two}}",
    "- {}\n- b",
    "> {}",
    "| a |\n|---|\n| {} |",
    "```sh {{run}}\n{}\n```",
    "```{}\nx\n```",
    "```yaml {{file=/x}}\n{}\n```",
    '```yaml {{insert=/x at="{}"}}\nx\n```',
    '```key {{keys="{}"}}\n```',
    "```sh {{run}}\nls\n```\n\n```text {{output}}\n{}\n```",
    ":::note[{}]\nx\n:::",
    ":::hint[{}]{{after=1}}\n{}\n:::",
    ":::details[{}]\n{}\n:::",
    ":::quiz{{#q}}\n{}\n\n- [x] {}\n  > {}\n- [ ] b\n:::",
    ":::answer{{#q}}\n{}\n\n- = {}\n:::",
    ":::solution\n{}\n:::",
    ":::task{{#t}}\n{}\n\n```sh {{check}}\nfail {}\n```\n\n```sh {{solution}}\n{}\n```\n:::",
    "%{{evil}} and `%{{evil}}`\n\n```sh {{run}}\necho %{{evil}}\n```",
]
LINKS = ["[x]({})", "<{}>", "![x]({})", "[x][r]\n\n[r]: {}", '[x]({} "title")', "[{}](https://example.org)"]
TAGS = set(
    "p h1 h2 h3 h4 h5 h6 ul ol li blockquote hr br em strong s code pre a img table thead tbody tr th td dl dt dd div span"
    " section aside details summary figure figcaption form label input button kbd".split()
)
ATTRIBUTES = set(
    "href src alt title class id type name value rel target loading role tabindex start open autocomplete align".split()
)


class Reader(HTMLParser):
    """Notes every element that could act."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attributes):
        if tag not in TAGS:
            self.found.append(f"<{tag}>")
        for name, value in attributes:
            if not (name in ATTRIBUTES or name.startswith(("data-", "aria-"))):
                self.found.append(f"{tag} {name}")
            if name in ("href", "src") and not (value or "").startswith(
                ("https://", "http://", "/lessons/", "#", "mailto:", "/")
            ):
                self.found.append(f"{tag} {name}={value}")


def dangers(lesson: Lesson) -> list[str]:
    """What of a lesson's HTML could act."""
    reader = Reader()
    for step in lesson.steps:
        parts = [step.html, step.solution_html, *(task.html for task in step.tasks)]
        parts += [text for quiz in step.quizzes for option in quiz.options for text in (option.html, option.feedback)]
        reader.feed("\n".join([lesson.intro_html, *parts]))
    return reader.found


def read(body: str, word: str = "x") -> Lesson | None:
    """The lesson with an evil value bound in, or None where it is refused."""
    quoted = word.replace("\\", "\\\\").replace('"', '\\"').replace("\x00", "").replace("\n", " ")
    try:
        lesson = parse_lesson(f'---\ntitle: t\nvars:\n  evil: {{pick: ["{quoted}"]}}\n---\n\n## One {{#one}}\n\n{body}\n')
    except LessonErrors:
        return None
    return lesson.bound("1")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("vector", VECTORS)
def test_markup_is_text_wherever_it_stands(place, vector):
    """W-11: No place of the format lets markup through."""
    lesson = read(place.replace("{}", vector).replace("{{", "{").replace("}}", "}"), vector)

    assert lesson is None or dangers(lesson) == []


@pytest.mark.parametrize("form", LINKS)
@pytest.mark.parametrize("url", URLS)
def test_links_and_pictures_lead_nowhere_else(form, url, monkeypatch):
    """W-11: No scheme but http, https, mailto and lab survives, in links and in pictures, even with the linter gone."""
    monkeypatch.setattr(links, "check", lambda *_: None)
    lesson = read(form.replace("{}", url))

    assert lesson is None or dangers(lesson) == []


def test_the_reader_of_this_test_sees_dangers():
    """W-11: The net has no hole: what is dangerous is found."""
    reader = Reader()
    reader.feed("<script></script><p onclick=x><a href='javascript:x'><img src='data:x'>")

    assert ["<script>", "p onclick", "a href=javascript:x", "img src=data:x"] == reader.found


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="<>\"'`&#:;/=(){}[]!-~*_%\n abcjsx", max_size=120))
def test_no_text_acts(text):
    """W-11: Any text at all is refused or harmless, and never breaks the reader."""
    lesson = read(text, text)

    assert lesson is None or dangers(lesson) == []


@pytest.mark.parametrize(
    "head",
    [
        "a: &a [1]\n" + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefghij", "bcdefghijk", strict=True)),
        "deep: " + "[" * 3000 + "]" * 3000 + "\n",
    ],
    ids=["billion laughs", "nesting"],
)
def test_a_few_lines_of_front_matter_cost_little(head):
    """W-20: Aliases that would stand for gigabytes, and depths without end, are refused with words, at once."""
    with pytest.raises(LessonErrors, match=r"alias|nested"):
        parse_lesson(f"---\ntitle: x\n{head}---\n\n## A {{#a}}\n\nText.\n", Path("x.md"))
