"""Markdown, restricted and extended: CommonMark, tables, `:::` blocks, `lab:` links.

Raw HTML is off, so nothing an author writes can become a script of the page. The document
is handed out as a tree; the HTML of any part of it comes from the same tokens, with our
own rules for fences, links and pictures. What a fence means was decided by `lessons.steps`,
which left it in the token's `meta`.
"""

import html
import json
from functools import lru_cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.normalize_url import validateLink
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode
from mdit_py_plugins.container import container_plugin
from mdit_py_plugins.deflist import deflist_plugin

from lessons.elements import Keys, Run, Save
from lessons.words import word


@lru_cache(maxsize=1)
def parser() -> MarkdownIt:
    """A Markdown parser with exactly the syntax of a lesson."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    markdown.use(container_plugin, "directive", validate=_opens_directive)
    markdown.use(deflist_plugin)
    markdown.validateLink = admits  # type: ignore[method-assign]
    for name, rule in {"fence": fence, "link_open": link, "image": image, "th_open": cell, "td_open": cell}.items():
        markdown.add_render_rule(name, rule)
    return markdown


def _opens_directive(params: str, *_: Any) -> bool:
    """A line `:::` followed by a word opens a block; whether it is known is asked later."""
    return bool(params.strip())


def admits(url: str) -> bool:
    """May this be a link at all? Schemes are listed, not guessed: `data:` and the rest stay text."""
    scheme = url.partition(":")[0] if ":" in url.partition("/")[0].partition("#")[0].partition("?")[0] else ""
    return scheme.lower() in ("", "http", "https", "mailto", "lab") and (url.startswith("lab:") or validateLink(url))


def tree(markdown: MarkdownIt, text: str) -> SyntaxTreeNode:
    """Parse a text into a tree of nodes."""
    return SyntaxTreeNode(markdown.parse(text))


def render(markdown: MarkdownIt, nodes: list[SyntaxTreeNode], env: dict[str, str]) -> str:
    """The HTML of some nodes of a tree."""
    tokens = [token for node in nodes for token in node.to_tokens()]
    return markdown.renderer.render(tokens, markdown.options, dict(env))


def inline(markdown: MarkdownIt, text: str, env: dict[str, str] | None = None) -> str:
    """One line of Markdown without a paragraph around it: a check's message, a label."""
    return markdown.renderInline(text, dict(env or {}))


def cell(self: RendererHTML, tokens: list[Token], index: int, options: Any, env: dict[str, Any]) -> str:
    """A cell of a table: on which side its text stands is an attribute, since the site's policy lets no style in."""
    style = tokens[index].attrs.pop("style", "")
    if style:
        tokens[index].attrSet("align", str(style).removeprefix("text-align:"))
    return self.renderToken(tokens, index, options, env)


def fence(self: RendererHTML, tokens: list[Token], index: int, options: Any, env: dict[str, Any]) -> str:
    """A block of code: runnable, copyable, a file, keys, or the output to expect."""
    token = tokens[index]
    kind, language, action = token.meta.get("kind", ""), token.meta.get("language", ""), token.meta.get("action")
    if kind in ("check", "solution", "wrong", "setup"):
        return ""
    if kind == "output":
        caption, body = word("output", env.get("language", "en")), code(token.content, language)
        return f'<figure class="output"><figcaption>{caption}</figcaption><pre>{body}</pre></figure>\n'
    if edit := token.meta.get("edit"):
        return _edit(edit, language, token.content, env)
    if isinstance(action, Keys):
        shown = " ".join(f"<kbd>{html.escape(key)}</kbd>" for key in action.shown)
        return f'<div class="code"{_data(keys=json.dumps(action.data), **_where(action))}><pre>{shown}</pre></div>\n'
    if isinstance(action, Save):
        return _file(action, language, token.meta["block"], env)
    if isinstance(action, Run):
        return f'<div class="code"{_run(action)}><pre tabindex="0">{code(token.content, language)}</pre></div>\n'
    return code_block(token.content, language)


def code_block(text: str, language: str) -> str:
    """A block with Copy alone."""
    return f'<div class="code"{_data(copy=text.rstrip(chr(10)))}><pre tabindex="0">{code(text, language)}</pre></div>\n'


def code(text: str, language: str) -> str:
    """Text as code."""
    return f'<code class="language-{html.escape(language or "text")}">{html.escape(text)}</code>'


def _run(run: Run) -> str:
    flags = {name: "" for name, set_ in (("interrupt", run.interrupt), ("no-enter", not run.enter)) if set_}
    return _data(run=run.typed, **_where(run), **flags)


def _where(action: Run | Keys) -> dict[str, str]:
    machine = {"machine": action.machine} if action.machine else {}
    return {"terminal": str(action.terminal), **machine}


def _file(save: Save, language: str, block: int, env: dict[str, Any]) -> str:
    """A file with its name above it. The page names it by its number; the server knows the rest."""
    path, at = f"<code>{html.escape(save.path)}</code>", html.escape(save.at)
    name = word(save.how, env.get("language", "en")).format(path=path, at=at)
    data, body = _data(save=str(block), path=save.path, copy=save.content), code(save.content, language)
    return f'<div class="code file"{data}><p class="code-name">{name}</p><pre tabindex="0">{body}</pre></div>\n'


def _edit(wanted: dict[str, str], language: str, content: str, env: dict[str, Any]) -> str:
    """A file for the editor; what is shown is what a file that is not there yet begins with."""
    name = word("edit", env.get("language", "en")).format(path=f"<code>{html.escape(wanted['path'])}</code>")
    data = _data(edit=wanted["path"], copy=content, **({"machine": wanted["machine"]} if wanted["machine"] else {}))
    body = f'<pre tabindex="0">{code(content, language)}</pre>' if content.strip() else ""
    return f'<div class="code file"{data}><p class="code-name">{name}</p>{body}</div>\n'


def _data(**values: str) -> str:
    """Data attributes of the page's buttons."""
    return "".join(f' data-{key}="{html.escape(value)}"' for key, value in values.items())


def link(self: RendererHTML, tokens: list[Token], index: int, options: Any, env: dict[str, Any]) -> str:
    """Links into the lab become data for the page; others open without a referrer, and not in place of the lab.

    Without the lab's script a place in the lab is no link at all, rather than a dead one.
    """
    href = str(tokens[index].attrGet("href") or "")
    if href.startswith("lab:"):
        button = ' class="lab-button"' if href.startswith("lab:port/") else ""
        return f'<a{button} data-lab="{html.escape(href[4:])}">'
    if href.startswith(("http:", "https:")):
        return f'<a href="{html.escape(href)}" rel="noopener noreferrer" target="_blank">'
    beside = "" if href.startswith("#") else ' target="_blank"'
    return f'<a href="{html.escape(href)}"{beside}>'


def image(self: RendererHTML, tokens: list[Token], index: int, options: Any, env: dict[str, Any]) -> str:
    """A picture beside the lesson, served by the site."""
    source = html.escape(env.get("assets", "") + str(tokens[index].attrGet("src") or ""))
    text = html.escape(self.renderInlineAsText(tokens[index].children, options, env))
    return f'<img src="{source}" alt="{text}" loading="lazy">'
