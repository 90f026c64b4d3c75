"""What of a foreign author's HTML may stay.

Their platform let raw HTML through; 841 of 2,208 scenarios use some. nh3 keeps an allow-list
of tags that can only be looked at. Nothing kept can script the page, name an element of it
(`id`, `name`), look like one of our own widgets (`class`, `data-*`), cover it (`style`), send a
form, or load anything from elsewhere. Addresses are http, https or mailto; pictures are our own.
"""

import re
from collections.abc import Callable

import nh3

TAGS = {
    "a", "abbr", "b", "blockquote", "br", "caption", "center", "cite", "code", "col", "colgroup", "dd", "del", "details", "dfn",
    "div", "dl", "dt", "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li",
    "mark", "ol", "p", "pre", "q", "s", "samp", "section", "small", "span", "strike", "strong", "sub", "summary", "sup",
    "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul", "var", "wbr",
}  # fmt: skip
ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title", "width", "height"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align"},
    "ol": {"start"},
    "details": {"open"},
    "abbr": {"title"},
}
EMPTIED = {"script", "style", "iframe", "object", "embed", "template", "noscript", "svg", "math", "title", "textarea", "select"}
SUSPECT = re.compile(
    r"<\s*(script|style|form|iframe|object|embed|svg|math|link|meta|base|video|audio|input|button|textarea|select)\b"
    r"|\s(on\w+)\s*=|(javascript|vbscript)\s*:",
    re.IGNORECASE,
)
SAFE_LINK = re.compile(r"(?:https?://|mailto:)[^\x00-\x20\x7f]+", re.IGNORECASE)
NUMBER = re.compile(r"\d{1,4}%?")
ATTRIBUTE = re.compile(r'\s+([\w-]+)="([^"]*)"')
TAG = re.compile(r'<(a|img)((?:\s+[\w-]+="[^"]*")*)\s*/?>')


def clean(html: str, marker: str, picture: Callable[[str], str | None]) -> str:
    """The HTML that may stay. `marker` begins the stand-ins of our own widgets: in an attribute
    such a thing could break out of it, so an attribute that holds one goes. `picture` maps the
    address of a picture to one of ours, or None."""

    def judged(tag: str, name: str, value: str) -> str | None:
        if marker in value:
            return None
        if name == "href":
            return value if SAFE_LINK.fullmatch(value) else None
        if name == "src":
            return picture(value)
        return value if name not in ("width", "height", "colspan", "rowspan", "start") or NUMBER.fullmatch(value) else None

    return nh3.clean(
        html,
        tags=TAGS,
        clean_content_tags=EMPTIED,
        attributes=ATTRIBUTES,
        attribute_filter=judged,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )


def suspects(html: str) -> set[str]:
    """The names of what `clean` will take away, for the report."""
    return {next(word for word in match.groups() if word).lower() for match in SUSPECT.finditer(html)}


def rewritten(html: str, change: Callable[[str, dict[str, str]], str | None]) -> str:
    """Cleaned HTML with its links and pictures changed; None leaves one as it is.

    nh3 writes every value in double quotes with those inside escaped, so a pattern is enough.
    """

    def one(match: re.Match[str]) -> str:
        found = change(match[1], dict(ATTRIBUTE.findall(match[2])))
        return match[0] if found is None else found

    return TAG.sub(one, html)
