"""Editor blocks: `<pre class="file" data-filename="app.js" data-target="replace">…</pre>`.

Attributes may spread over lines, use any quotes or none, and a `data-marker` may itself hold
`<!-- … -->`, so they are read by a real HTML tokenizer. What is inside is escaped text; an
author who forgot to escape gets what he typed.
"""

import re
from dataclasses import dataclass
from html.parser import HTMLParser

START = re.compile(r"<pre\b", re.IGNORECASE)
LONGEST = 64 << 10
NEAR = 1000  # characters of attributes


@dataclass(frozen=True)
class Block:
    """One block; `length` characters of the source."""

    filename: str
    target: str  # replace | insert | append | prepend | clipboard | ""
    marker: str
    content: str
    length: int


class _Reader(HTMLParser):
    """Reads one pre element and stops at its end."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=False)
        self.attributes: dict[str, str] = {}
        self.parts: list[str] | None = None
        self.end: tuple[int, int] | None = None
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.parts is None:
            self.attributes, self.parts = {name: value or "" for name, value in attrs}, []
        else:
            self._keep(self.get_starttag_text() or "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "pre" and self.end is None:
            self.end = self.getpos()
        else:
            self._keep(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self._keep(data)

    def handle_comment(self, data: str) -> None:
        self._keep(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        self._keep(f"<!{decl}>")

    def handle_pi(self, data: str) -> None:
        self._keep(f"<?{data}>")

    def handle_entityref(self, name: str) -> None:
        self._keep(self.unescape(f"&{name};"))

    def handle_charref(self, name: str) -> None:
        self._keep(self.unescape(f"&#{name};"))

    @staticmethod
    def unescape(text: str) -> str:
        """One reference as its character."""
        from html import unescape

        return unescape(text)

    def _keep(self, text: str) -> None:
        if self.parts is not None and self.end is None:
            self.parts.append(text)


def read(source: str, start: int) -> Block | None:
    """The editor block that begins there; None if it is an ordinary pre, or has no end."""
    text = source[start : start + LONGEST]
    if "file" not in text[:NEAR]:
        return None
    close = re.search(r"</pre[ \t]*>", text, re.IGNORECASE)
    if not close:
        return None
    try:
        reader = _Reader(text[: close.end()])
    except (AssertionError, ValueError):
        return None  # html.parser gives up on some malformed declarations
    if reader.parts is None or reader.end is None or "file" not in reader.attributes.get("class", "").split():
        return None
    given = reader.attributes
    content = "".join(reader.parts).removeprefix("\n")
    return Block(
        given.get("data-filename", "").strip(), given.get("data-target", "").strip().lower(),
        given.get("data-marker", ""), content, close.end(),
    )  # fmt: skip
