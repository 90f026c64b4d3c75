"""The grammar of a foreign text: CommonMark with tables and raw HTML, and three rules of our own.

The fence rule is a module by itself. Code spans are joined with the braces that follow them, and
bare addresses of ports become links. What is rendered is asked of the `Text` in the environment.
"""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from lessons.foreign import actions, fence, placeholders

TAIL = re.compile(r"(?P<address>http://port-\d{1,5}\.host-\d{1,2}\.vitrine\.invalid)(?P<path>/[^\s<>()\[\]\"'`]*)?")


def parser() -> MarkdownIt:
    """CommonMark with tables, raw HTML, and our rules for fences and actions."""
    markdown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    ruler = markdown.block.ruler
    ruler.at("fence", fence.rule, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    markdown.core.ruler.push("foreign_actions", _mark_actions)
    markdown.add_render_rule("fence", lambda self, tokens, index, options, env: env["text"].fence(tokens[index]))
    markdown.add_render_rule("code_inline", lambda self, tokens, index, options, env: env["text"].span(tokens[index]))
    markdown.add_render_rule("html_block", lambda self, tokens, index, options, env: env["text"].raw(tokens[index]))
    markdown.add_render_rule("html_inline", lambda self, tokens, index, options, env: env["text"].raw(tokens[index]))
    return markdown


def _mark_actions(state: StateCore) -> None:
    """Join code spans with the braces after them; make bare addresses of ports links."""
    for block in state.tokens:
        if block.type != "inline":
            continue
        children, previous, depth = [], None, 0
        for token in block.children or []:
            token.meta["map"] = block.map
            follows = token.type == "text" and previous is not None and previous.type == "code_inline"
            if follows and previous and (found := actions.after(token.content)):
                previous.meta["action"], length = found
                token.content = token.content[length:]
            depth += {"link_open": 1, "link_close": -1}.get(token.type, 0)
            children += _linked(token) if token.type == "text" and not depth else [token]
            previous = token
        block.children = children


def _linked(token: Token) -> list[Token]:
    """A text with bare addresses of ports made into links."""
    found: list[Token] = []
    at = 0
    for match in TAIL.finditer(token.content):
        found += [_text(token.content[at : match.start()]), Token("link_open", "a", 1, attrs={"href": match[0]})]
        port = placeholders.STAND_IN.fullmatch(match["address"])
        label = f"port {port[1] if port else ''}{match['path'] or ''}"
        found += [_text(label), Token("link_close", "a", -1)]
        at = match.end()
    if not found:
        return [token]
    return [*found, _text(token.content[at:])]


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


PARSER = parser()
PLAIN = MarkdownIt("commonmark", {"html": False})
