"""The text of one section: Markdown with raw HTML in, safe HTML and the actions out.

Our own widgets (code with buttons, questions, files to save) are not in the HTML while it is
cleaned: a stand-in word, drawn at random for each text so that no author can write it, holds
the place of each, and the widget is put there afterwards.
"""

import html
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from lessons import markdown as native
from lessons.elements import Keys, Quiz, Run, Save
from lessons.foreign import actions, blocks, editor, placeholders, quiz, sanitise, widgets
from lessons.foreign.actions import Action
from lessons.foreign.grammar import PARSER, PLAIN, TAIL
from lessons.foreign.notes import Kind, Notes


@dataclass(frozen=True)
class Place:
    """What the text of a section needs to know of its lesson."""

    file: str  # for notes
    section: str  # for ids of questions
    machines: tuple[str, ...]
    editor_path: str
    picture: Callable[[str], str | None]
    title: str = ""


@dataclass
class Rendered:
    """The HTML of a text and what it asks for."""

    html: str = ""
    actions: list[Run | Keys | Save] = field(default_factory=list)
    quizzes: list[Quiz] = field(default_factory=list)


def render(source: str, place: Place, notes: Notes) -> Rendered:
    """Render one text; whatever its author wrote, this does not raise."""
    return Text(place, notes).render(source)


class Text:
    """One text while it is rendered."""

    def __init__(self, place: Place, notes: Notes) -> None:
        self.place, self.notes, self.result = place, notes, Rendered()
        self.source = ""
        self.marker = f"vtr{secrets.token_hex(12)}x"
        self.widgets: list[str] = []
        self.origin: list[int] = []

    def render(self, source: str) -> Rendered:
        """The whole way of a text."""
        self.source = source
        walk = blocks.walk(placeholders.stand_in(source), blocks.Walk(self.quiz, self.file))
        self.origin = walk.origin
        try:
            tokens = PARSER.parse(walk.text(), {"text": self})
            self._headings(tokens)
            markup = PARSER.renderer.render(tokens, PARSER.options, {"text": self})
        except RecursionError:
            self.note(Kind.REFUSED, 1, "nested too deeply; shown as plain text")
            markup = f"<pre>{html.escape(source)}</pre>"
        markup = sanitise.clean(markup, self.marker, self.place.picture)
        self.result.html = self._filled(sanitise.rewritten(markup, self._rewritten))
        return self.result

    def note(self, kind: Kind, line: int, message: str) -> None:
        """A note about this file."""
        self.notes.add(kind, self.place.file, line, message)

    def line(self, token: Token) -> int:
        """The line of the file a token began on."""
        number = (token.map or token.meta.get("map") or [0])[0]
        return self.origin[min(number, len(self.origin) - 1)] if self.origin else 1

    def stand_in(self, widget: str) -> str:
        """A word that holds the place of a widget."""
        self.widgets.append(widget)
        return f"{self.marker}{len(self.widgets) - 1}z"

    def _filled(self, markup: str) -> str:
        one = re.compile(rf"{self.marker}(\d+)z")
        widget: Callable[[re.Match[str]], str] = lambda match: self.widgets[int(match[1])]  # noqa: E731
        markup = re.sub(rf"<p>\s*{self.marker}(\d+)b?z\s*</p>", lambda m: self._block(m, one), markup)
        return one.sub(widget, markup)

    def _block(self, match: re.Match[str], one: re.Pattern[str]) -> str:
        """A widget that is a paragraph of its own: a div may not stand in a p."""
        widget = self.widgets[int(match[1])]
        return match[0] if widget.startswith(("<span", "<code", "<a")) else widget

    def _headings(self, tokens: list[Token]) -> None:
        """The page's title is the only first-level heading; one that repeats it goes."""
        first = next((n for n, token in enumerate(tokens) if token.type == "heading_open"), None)
        if first == 0 and tokens[1].content.strip().casefold() == self.place.title.strip().casefold():
            del tokens[:3]
        for token in tokens:
            if token.type in ("heading_open", "heading_close"):
                token.tag = f"h{min(6, int(token.tag[1]) + 1)}"

    def raw(self, token: Token) -> str:
        """Raw HTML goes on to be cleaned; what will be taken away is noted."""
        for name in sorted(sanitise.suspects(token.content)):
            self.note(Kind.CHANGED, self.line(token), f"taken out of the HTML: {name}")
        return token.content

    def fence(self, token: Token) -> str:
        """A block of code."""
        language = re.match(r"[\w+#.\-]*", token.info.strip())
        content, braces = placeholders.inside(token.content), token.meta.get("braces", "")
        action = actions.parse(braces[2:-2]) if braces else None
        if braces and action is None:
            self.note(Kind.IGNORED, self.line(token), f"braces after a fence: {braces}")
        if action is None:
            return self.stand_in(native.code_block(content, language[0] if language else "")) + "\n"
        return self.stand_in(self.acted(content, language[0] if language else "", action, self.line(token), False)) + "\n"

    def span(self, token: Token) -> str:
        """A code span; one without an action is ordinary code."""
        action: Action | None = token.meta.get("action")
        content = placeholders.inside(token.content)
        if action is None:
            return f"<code>{html.escape(content)}</code>"
        return self.stand_in(self.acted(content, "", action, self.line(token), True))

    def acted(self, content: str, language: str, action: Action, line: int, inline: bool) -> str:
        """Code with an action: the widget, and the action for whoever plays the lesson."""
        if action.misspelt:
            self.note(Kind.CHANGED, line, f"{{{{{action.misspelt}}}}} is no action; taken for copy")
        if action.verb == "open":
            return self._open(content, line)
        if action.verb not in ("run", "keys"):
            self.notes.use("copy", action.verb == "copy")
            return widgets.code(content, language, action, None, inline)
        run = self._run(content, action, line)
        self.notes.use(action.verb)
        self.result.actions.append(run)
        return widgets.code(content, language, action, run, inline)

    def _run(self, content: str, action: Action, line: int) -> Run:
        machine = ""
        if action.machine > len(self.place.machines):
            self.note(Kind.MISSING, line, f"HOST{action.machine}: this lesson has {len(self.place.machines)} machine(s)")
        elif action.machine > 1:
            machine = self.place.machines[action.machine - 1]
        command = actions.key(content) if action.verb == "keys" else content.rstrip("\n")
        terminal = min(8, action.terminal or 1)
        return Run(command, terminal, machine, interrupt=action.interrupt, enter=action.enter, line=line)

    def _open(self, content: str, line: int) -> str:
        label = f"<code>{html.escape(content.strip())}</code>"
        self.notes.use("open")
        return widgets.in_lab("file" + self.inside(content.strip()), label)

    def inside(self, words: str) -> str:
        """The absolute path of a file the editor is asked for."""
        words = "/root" + words[1:] if words.startswith("~") else words
        return words if words.startswith("/") else f"{self.place.editor_path.rstrip('/')}/{words.removeprefix('./')}"

    def file(self, block: editor.Block, line: int) -> str:
        """An editor block: a file to save, or code to copy."""
        content = placeholders.inside(block.content)
        if block.target in ("", "clipboard") or not block.filename:
            self.notes.use("copy", block.target == "clipboard")
            return self.stand_in(native.code_block(content, "") if block.target else f"<pre>{html.escape(content)}</pre>")
        how = {"append": "append", "insert": "insert", "prepend": "insert"}.get(block.target, "file")
        if how == "insert" and not block.marker:
            how = "append" if block.target == "insert" else "file"
            self.note(Kind.CHANGED, line, f"data-target {block.target} without a marker: taken for {how}")
        elif how == "insert":
            self.note(Kind.CHANGED, line, "the text is put before the line with the marker; the marker stays")
        save = Save(self.inside(block.filename), content, how, block.marker, line=line)
        number = len([each for each in self.result.actions if isinstance(each, Save)])
        self.result.actions.append(save)
        self.notes.use("file blocks")
        token = Token("fence", "code", 0, content=content, meta={"action": save, "block": number, "language": ""})
        renderer = cast(RendererHTML, PLAIN.renderer)
        return self.stand_in(native.fence(renderer, [token], 0, PLAIN.options, {"language": "en"}))

    def quiz(self, found: quiz.Found, line: int) -> str:
        """A question."""
        made = quiz.quiz(found, f"{self.place.section}-q{len(self.result.quizzes) + 1}", PLAIN, line)
        if made is None:
            self.note(Kind.BROKEN, line, "a question without a right answer, or with one option")
            return self.stand_in(f"<p>{html.escape(found.words)}</p>")
        self.result.quizzes.append(made)
        self.notes.use("questions")
        return self.stand_in(widgets.form(made))

    def _rewritten(self, tag: str, given: dict[str, str]) -> str | None:
        """Links to ports become links into the lab; pictures from elsewhere, links to them."""
        if tag == "img":
            return None if given.get("src", "").startswith("/") else self._no_picture(given)
        address = TAIL.match(html.unescape(given.get("href", "")))
        if address is None:
            return None
        port = placeholders.STAND_IN.fullmatch(address["address"])
        if port and not 1 <= int(port[1]) <= 65535:
            self.note(Kind.BROKEN, self._line_of(f"_{port[1]}"), f"there is no port {port[1]}")
            return "<a>"
        return widgets.in_lab(self._port(address), "\0")[: -len("\0</a>")]

    def _port(self, address: re.Match[str]) -> str:
        port, host = placeholders.STAND_IN.fullmatch(address["address"]).groups()  # type: ignore[union-attr]
        self.notes.use("ports")
        if int(host) > 1:
            self.note(
                Kind.CHANGED, self._line_of(f"HOST{host}_"), f"port {port} of machine {host}: the link asks the first machine"
            )
        return f"port/{port}{address['path'] or '/'}"

    def _line_of(self, words: str) -> int:
        """The line a text first stands on, for what is noticed only in the finished HTML."""
        at = self.source.find(html.unescape(words))
        return self.source.count("\n", 0, at) + 1 if at > 0 else 1

    def _no_picture(self, given: dict[str, str]) -> str:
        words = given.get("alt") or given.get("title") or "picture"
        source = given.get("src", "")
        if not source.startswith(("http://", "https://")):
            self.note(Kind.CHANGED, self._line_of(f"![{words}]"), f"a picture that is not there, or is none: {words}")
            return f"<em>[{words}]</em>"
        self.note(Kind.CHANGED, self._line_of(source), f"picture from elsewhere, shown as a link: {source}")
        return f'<a href="{source}" target="_blank" rel="noopener noreferrer">[{words}]</a>'
