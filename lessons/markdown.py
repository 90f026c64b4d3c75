"""Markdown, restricted and extended: CommonMark, tables, `:::` blocks, `lab:` links.

Raw HTML is off, so nothing an author writes can become a script of the page. The document
is handed out as a tree; the HTML of any part of it comes from the same tokens, with our
own rule for fences.
"""

import html
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.normalize_url import validateLink
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode
from mdit_py_plugins.container import container_plugin
from mdit_py_plugins.deflist import deflist_plugin

from lessons import attributes
from lessons.words import word

NONE = attributes.Attributes()
HIDDEN = {"check", "solution", "wrong", "setup"}


def parser() -> MarkdownIt:
    """A Markdown parser with exactly the syntax of a lesson."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    markdown.use(container_plugin, "directive", validate=_opens_directive)
    markdown.use(deflist_plugin)
    admit = lambda url: url.startswith("lab:") or validateLink(url)  # noqa: E731
    markdown.validateLink = admit  # type: ignore[method-assign]
    markdown.add_render_rule("fence", render_fence)
    markdown.add_render_rule("link_open", render_link)
    return markdown


def _opens_directive(params: str, *_: Any) -> bool:
    """A line `:::` followed by a word opens a block; whether it is known is asked later."""
    return bool(params.strip())


def tree(markdown: MarkdownIt, text: str) -> SyntaxTreeNode:
    """Parse a text into a tree of nodes."""
    return SyntaxTreeNode(markdown.parse(text))


def render(markdown: MarkdownIt, nodes: list[SyntaxTreeNode], language: str) -> str:
    """The HTML of some nodes of a tree."""
    tokens = [token for node in nodes for token in node.to_tokens()]
    return markdown.renderer.render(tokens, markdown.options, {"language": language})


def inline(markdown: MarkdownIt, text: str) -> str:
    """One line of Markdown without a paragraph around it: a check's message, a label."""
    return markdown.renderInline(text)


def render_fence(
    self: RendererHTML, tokens: list[Token], index: int, options: Any, env: dict[str, Any]
) -> str:
    """A block of code: runnable, copyable, or the output to expect."""
    language, found = attributes.parse_fence(tokens[index].info)
    if HIDDEN & set(found.flags):
        return ""
    text = tokens[index].content
    if "output" in found.flags:
        caption, code = word("output", env.get("language", "en")), _code(text, language)
        return f'<figure class="output"><figcaption>{caption}</figcaption><pre>{code}</pre></figure>\n'
    return code_block(text, language, found)


def code_block(text: str, language: str, found: attributes.Attributes = NONE) -> str:
    """A block with Copy and, if it is to be run, Run."""
    data, code = _code_data(text, found), _code(text, language)
    return f'<div class="code"{data}><pre tabindex="0">{code}</pre></div>\n'


def _code(text: str, language: str) -> str:
    return f'<code class="language-{html.escape(language or "text")}">{html.escape(text)}</code>'


def _code_data(text: str, found: attributes.Attributes) -> str:
    """The data attributes the page's buttons read."""
    command = html.escape(text.rstrip("\n"))
    if "run" not in found.flags:
        return f' data-copy="{command}"'
    data = {"run": command, "terminal": found.values.get("terminal", "1")}
    data |= {key: found.values[key] for key in ("machine", "as") if key in found.values}
    data |= {flag: "" for flag in ("interrupt", "no-enter") if flag in found.flags}
    return "".join(f' data-{key}="{_once(key, value)}"' for key, value in data.items())


def _once(key: str, value: str) -> str:
    return value if key == "run" else html.escape(value)


def render_link(
    self: RendererHTML, tokens: list[Token], index: int, options: Any, env: dict[str, Any]
) -> str:
    """Links into the lab become data for the page; others open without a referrer."""
    href = str(tokens[index].attrGet("href") or "")
    if href.startswith("lab:"):
        return f'<a href="#" data-lab="{html.escape(href[4:])}">'
    if href.startswith(("http:", "https:")):
        return f'<a href="{html.escape(href)}" rel="noopener noreferrer" target="_blank">'
    return f'<a href="{html.escape(href)}">'
