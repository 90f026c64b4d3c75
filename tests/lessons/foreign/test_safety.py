"""A hostile repository: nothing of it acts in the page, nothing leads out of it, nothing raises."""

import html.parser
import json
import os
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lessons.foreign import pictures
from lessons.foreign.notes import Kind
from lessons.foreign.repository import Repository
from tests.lessons.foreign.scenarios import manifest, read, rendered

HOSTILE = [
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "[x](javascript:alert(1))",
    "<a href='java\tscript:alert(1)'>x</a>",
    "<a href=' javascript:alert(1)'>x</a>",
    "[x](data:text/html,<script>alert(1)</script>)",
    '<svg onload="alert(1)"><script>alert(1)</script></svg>',
    "<style>*{display:none}</style>",
    '<iframe src="https://example.org"></iframe>',
    '<form action="/labs/"><input name="lesson"><button>go</button></form>',
    '<div class="code" data-run="rm -rf /" data-task="x" id="end-sheet" style="position:fixed">x</div>',
    '<a href="#" data-lab="port/1">x</a>',
    "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
    '<div title="\n\n```\n" onmouseover="alert(1)\n```{{exec}}\n\n">',
    '`" onmouseover="alert(1)`{{exec}}',
    "```html\n<script>alert(1)</script>\n```{{copy}}",
    '<pre class="file" data-filename="&quot; onclick=&quot;x" data-target="replace">"><script>alert(1)</script></pre>',
    '>><img src=x onerror=alert(1)><<\n(*) <script>alert(1)</script>\n( ) "onclick=x',
    "</article></main><h1>out</h1>",
    "<noscript><p title='</noscript><script>alert(1)</script>'>",
    "<x-y onclick=alert(1)>z</x-y>",
]
ALLOWED_CLASSES = {
    "code",
    "inline",
    "file",
    "quiz",
    "quiz-question",
    "quiz-options",
    "quiz-option",
    "quiz-feedback",
    "code-name",
    "lab-button",
}


class Reader(html.parser.HTMLParser):
    """Reads finished HTML as a browser would, and collects what could act."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.bad: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        if tag in {"script", "style", "iframe", "object", "embed", "svg", "math", "link", "meta", "base"}:
            self.bad.append(tag)
        for name, value in attrs:
            if name.startswith("on") or name == "style" or (tag == "form" and name == "action"):
                self.bad.append(f"{tag} {name}")
            if name in ("href", "src") and not re.match(r"#|https?://|mailto:|/lessons/", value or ""):
                self.bad.append(f"{name}={value}")


def acting(text: str) -> list[str]:
    """What in the HTML of a text could act."""
    return Reader(rendered(text)[0].html).bad


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_of_a_text_acts(text):
    """W-11: Scripts, handlers, frames, forms and strange addresses are gone; code is text."""
    assert acting(text) == []


def test_the_fence_is_there():
    """W-11: Without the cleaning the same texts do act: the test can fail."""
    assert Reader("".join(HOSTILE)).bad != []


def test_a_text_cannot_look_like_a_widget():
    """W-11: Raw HTML keeps no class, id or data: only our own buttons run a command."""
    found = rendered('<div class="code" data-run="x" data-task="t" data-quiz="q" id="i">y</div>')[0].html

    assert found.strip() == "<div>y</div>"


def test_what_is_taken_out_is_told():
    """The author reads what was removed and where."""
    assert rendered("a\n\n<b onclick='x()'>b</b>\n\n<script>1</script>\n")[1] == [
        (3, "taken out of the HTML: onclick"),
        (5, "taken out of the HTML: script"),
    ]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(HOSTILE),
            st.text(max_size=40),
            st.sampled_from(
                ["\n", "\n\n", "```", "`", "{{exec}}", "<pre class=file>", ">>", "<<\n(*) ", "</", '"', "'", "<details>\n"]
            ),
        ),
        max_size=12,
    ).map("".join)
)
def test_no_text_acts(text):
    """Whatever is put together: no exception, no script, no handler, no javascript: address."""
    assert acting(text) == []


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.binary(max_size=300), told=st.one_of(st.binary(max_size=200), st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["title", "details", "steps", "intro", "text", "verify", "backend", "imageid", "assets", "host01", "file", "environment", "files", "dashboards", "port"]), inner, max_size=4),
    max_leaves=12).map(lambda value: json.dumps(value).encode())))  # fmt: skip
def test_no_bytes_raise(tmp_path, text, told):
    """Arbitrary bytes as step.md and as index.json give a lesson or a note."""
    lesson, notes = read(tmp_path, told, step_md=text)
    one, _ = read(tmp_path, manifest(), step_md=text)

    assert lesson is not None or notes.notes
    assert [Reader(step.html).bad for step in one.steps] == [[]]


@pytest.mark.parametrize(
    "name", ["../outside.md", "/etc/passwd", "a/../../outside.md", "..\\outside.md", "~/x", "link.md", "x\0y"]
)
def test_no_path_leads_out(tmp_path, name):
    """W-18: By words or by a link: refused, with the line of index.json; the lesson is read all the same."""
    (tmp_path / "repo" / "s").mkdir(parents=True)
    (tmp_path / "repo" / "outside.md").write_text("SECRET")
    (tmp_path / "secret.md").write_text("SECRET")
    os.symlink(tmp_path / "secret.md", tmp_path / "repo" / "s" / "link.md")

    step = {"title": "S", "text": name, "verify": name, "background": name}
    lesson, notes = read(tmp_path / "repo", manifest(details={"steps": [step]}))

    assert "SECRET" not in repr(lesson)
    assert notes.of(Kind.REFUSED, Kind.BROKEN) and all(note.file == "s/index.json" and note.line > 1 for note in notes.notes)


def test_no_asset_leads_out(tmp_path):
    """W-18: Neither a pattern nor a link in assets/ reaches a file elsewhere."""
    (tmp_path / "repo" / "s" / "assets").mkdir(parents=True)
    (tmp_path / "secret").write_text("SECRET")
    os.symlink(tmp_path / "secret", tmp_path / "repo" / "s" / "assets" / "link")
    files = [{"file": name, "target": "/root"} for name in ("*", "link", "../index.json", "/etc/passwd", "**/*")]

    lesson, notes = read(tmp_path / "repo", manifest(details={"assets": {"host01": files}}))

    assert lesson.files == ()
    assert len(notes.of(Kind.REFUSED, Kind.BROKEN)) == 5


def test_no_picture_leads_out(tmp_path):
    """W-18: A picture is a regular file of the repository, and a picture by its bytes."""
    png = b"\x89PNG\r\n\x1a\n" + b"0" * 8
    (tmp_path / "repo").mkdir()
    (tmp_path / "out.png").write_bytes(png)
    (tmp_path / "repo" / "in.png").write_bytes(png)
    (tmp_path / "repo" / "page.png").write_text("<script>alert(1)</script>")
    os.symlink(tmp_path / "out.png", tmp_path / "repo" / "link.png")
    os.mkfifo(tmp_path / "repo" / "pipe.png")
    repository = Repository.at(tmp_path / "repo")

    assert pictures.load(repository, "in.png") == (png, "image/png")
    for name in ("../out.png", "/in.png", "link.png", "page.png", "pipe.png", "none.png", "in.png/..", ".", "index.json"):
        assert pictures.load(repository, name) is None, name


def test_strange_files_are_notes(tmp_path):
    """A pipe, a directory, a file too large: a line of the report each, and no waiting."""
    (tmp_path / "s").mkdir()
    os.mkfifo(tmp_path / "s" / "pipe.md")
    (tmp_path / "s" / "dir.md").mkdir()
    steps = [{"title": name, "text": name} for name in ("pipe.md", "dir.md", "big.md")]

    lesson, notes = read(tmp_path, manifest(details={"steps": steps}), big_md=b"a" * (2 << 20))

    assert [step.id for step in lesson.steps] == ["step-1", "step-2", "step-3"]
    assert len(notes.of(Kind.BROKEN)) == 3


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (b'{"title": "x",\n "details": {}\n "backend": 1}', "not JSON: Expecting ',' delimiter (column 2)"),
        (b'// a comment\n{"details": {}}', "not JSON"),
        (b'{"details": {},}', "not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"details": ' + b'{"a":' * 50_000, "nested too deeply"),
        (b"[]", "the document is not an object"),
        (b"\xff\xfe\x00", "not JSON"),
        (b'{"details": 1e999, "time": 1' + b"0" * 5000 + b"}", "cannot be read"),
        (b" " * (300 << 10), "larger than 256 KiB"),
    ],
)
def test_a_broken_manifest_is_a_note(tmp_path, told, words):
    """File, line and column; no lenient reading that would guess."""
    lesson, notes = read(tmp_path, told)

    assert lesson is None
    assert any(words in note.message for note in notes.notes), notes.notes


def test_a_manifest_with_flaws_is_read(tmp_path):
    """A byte order mark, a key twice, values of wrong types: noted where they stand, read nevertheless."""
    told = b'\xef\xbb\xbf{\n"title": "A",\n"title": "B",\n"details": {"steps": [1, {"text": "step.md", "verify": ["x"]}]},\n"backend": [],\n"odd": 1}'

    lesson, notes = read(tmp_path, told)

    assert lesson.title == "B"
    assert [(note.line, note.message) for note in notes.of(Kind.BROKEN, Kind.IGNORED)] == [
        (3, "key title stands twice; the last one counts"),
        (4, "verify is not a text"),
        (5, "backend is not an object"),
        (6, "key odd"),
    ]


def test_wrong_bytes_are_shown_as_wrong(tmp_path):
    """A text that is not UTF-8 is read, and its line is told; CR LF is dropped."""
    lesson, notes = read(tmp_path, step_md=b"one\r\ntwo \xff\r\n\r\n```\r\nls\r\n```{{exec}}\r\n")

    assert "two \ufffd" in lesson.steps[0].html and lesson.steps[0].runs[0].command == "ls"
    assert [(note.file, note.line) for note in notes.of(Kind.BROKEN)] == [("s/step.md", 2)]


def test_deep_nesting_is_shown_as_text(tmp_path):
    """A thousand quotes in one another do not take the site down."""
    assert acting(">" * 5000 + " x") == []
    assert acting("<div>" * 20_000) == []
    assert acting("- " * 3000 + "x") == []


def test_templates_in_lessons_are_text():
    """W-21: Braces of Django, Jinja or Helm in a text are never evaluated."""
    html = rendered("{{ settings.SECRET_KEY }} {% include 'x' %}")[0].html

    assert "{{ settings.SECRET_KEY }} {% include 'x' %}" in html


def test_one_scenario_has_only_so_much_text(tmp_path):
    """Ten steps of the largest text: the later ones are refused, and the report says so."""
    steps = [{"title": str(number), "text": "big.md"} for number in range(10)]

    lesson, notes = read(tmp_path, manifest(details={"steps": steps}), big_md="a" * (255 << 10))

    assert len(lesson.steps) == 10
    assert [note.message for note in notes.of(Kind.REFUSED)] == ["more than 2 MiB of text in one scenario"]


def test_many_unfinished_editor_blocks_cost_little():
    """Each is read at most so far, and only so many."""
    assert acting('<pre class="file">\n' * 10_000 + "</pre>") == []
