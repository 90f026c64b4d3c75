"""The fence rule: a closing fence may be followed by braces.

    ```
    docker ps
    ```{{execute}}

is no closing fence in CommonMark: a stock parser takes the rest of the page for code. 7,816
actions of public scenarios are written so. This rule replaces that of markdown-it; it also
takes a shorter close if braces follow, a close at the end of a line of code, and code that
begins on the line of the opening fence, all of which authors wrote and their platform ran.
"""

import re

from markdown_it.rules_block import StateBlock

OPEN = re.compile(r"(`{3,}|~{3,})(.*)", re.DOTALL)
CLOSE = re.compile(r"(?P<code>.*?)(?P<fence>`{3,}|~{3,})[ \t]*(?P<braces>\{\{[^{}\n]{0,200}\}\})?[ \t]*$", re.DOTALL)
LANGUAGE = re.compile(r"[\w+#.\-]*[ \t]*(?:\{[\d,\s\-]*\})?")


def rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A block rule for markdown-it: tokens of type `fence`, the braces in their `meta`."""
    if state.is_code_block(start):
        return False
    opening = OPEN.match(_line(state, start))
    if not opening or (opening[1][0] == "`" and "`" in opening[2]):
        return False
    if silent:
        return True
    info = opening[2].strip()
    begun = bool(info) and not LANGUAGE.fullmatch(info)  # code on the opening line
    last, code, braces, inside = _body(state, start, end, opening[1], begun)
    if begun and (braces or inside):
        code, info = [opening[2].lstrip(), *code], ""
    _emit(state, start, last, code, info, braces, opening[1])
    return True


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]]


def _body(state: StateBlock, start: int, end: int, fence: str, begun: bool) -> tuple[int, list[str], str, bool]:
    """The line after the close, the lines of code, the braces after the close; did it close within a line?"""
    code: list[str] = []
    depth = 0
    number = start + 1
    while number < end:
        line = _line(state, number)
        if line and state.sCount[number] < state.blkIndent:
            return number, code, "", False  # a list item or quote ended without a close
        match = CLOSE.fullmatch(line) if fence[:3] in line else None
        if match and match["fence"][0] == fence[0]:
            shorter = len(match["fence"]) < len(fence)
            if closes(match, shorter, depth, begun):
                return number + 1, [*code, match["code"]] if match["code"] else code, match["braces"] or "", bool(match["code"])
            depth -= shorter and depth > 0 and not match["code"].strip()
        elif line.startswith(fence[:3]) and len(fence) > 3:
            depth += 1  # a shorter fence opens inside: this text explains fences
        code.append(state.getLines(number, number + 1, state.sCount[start], False))
        number += 1
    return number, code, "", False


def closes(match: re.Match[str], shorter: bool, depth: int, begun: bool) -> bool:
    """Does this line end the fence? Code may stand before the close if braces follow, or if code also stood after the opening."""
    if match["code"].strip():
        return (bool(match["braces"]) or begun) and not shorter and not match["code"].rstrip().endswith("`")
    return not shorter or (bool(match["braces"]) and depth == 0)


def _emit(state: StateBlock, start: int, last: int, code: list[str], info: str, braces: str, markup: str) -> None:
    state.line = last
    token = state.push("fence", "code", 0)
    token.info, token.markup, token.map = info, markup, [start, last]
    token.content = "".join(line + "\n" for line in code)
    token.meta = {"braces": braces, "lines": last - start}
