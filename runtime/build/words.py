"""Words: where they end, what quotes mean, and what `$NAME` stands for.

As in a shell: nothing is replaced between single quotes, blanks end no word between double ones.
`${NAME:-word}` is word where NAME is unset or empty, `${NAME:+word}` where it is set; without the
colon an empty one counts as set. A name that is not set is nothing.

See "Shell Command Language" of POSIX, 2.2 and 2.6.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
BRACED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-+?])(.*))?", re.DOTALL)


class WordError(ValueError):
    """A quote or a brace without its second."""


def split(text: str, escape: str = "\\") -> list[str]:
    """The words, their quotes still on."""
    words, word, quote, at = [], "", "", 0
    while at < len(text):
        letter = text[at]
        if letter == escape and quote != "'":
            word += text[at : at + 2]
            at += 2
            continue
        if letter in " \t" and not quote:
            words.append(word)
            word = ""
        else:
            word += letter
            quote = ("" if letter == quote else quote) if quote else (letter if letter in "\"'" else "")
        at += 1
    if quote:
        raise WordError(f"a {quote} without its second")
    return [each for each in [*words, word] if each]


def expand(text: str, values: Mapping[str, str], escape: str = "\\") -> str:
    """The text without its quotes, variables replaced."""
    return "".join(_pieces(text, values, escape))


def _pieces(text: str, values: Mapping[str, str], escape: str) -> Iterator[str]:
    at, double = 0, False
    while at < len(text):
        letter = text[at]
        if letter == "'" and not double:
            end = text.find("'", at + 1)
            if end < 0:
                raise WordError("a ' without its second")
            yield text[at + 1 : end]
            at = end + 1
        elif letter == '"':
            double = not double
            at += 1
        elif letter == escape and at + 1 < len(text):
            plain = not double or text[at + 1] in f'$"{escape}'
            yield text[at + 1] if plain else text[at : at + 2]
            at += 2
        elif letter == "$":
            value, at = _variable(text, at, values, escape)
            yield value
        else:
            yield letter
            at += 1
    if double:
        raise WordError('a " without its second')


def substitute(text: str, values: Mapping[str, str]) -> str:
    """Only variables, for a text in which quotes are letters like any other."""
    found, at = "", 0
    while (dollar := text.find("$", at)) >= 0:
        value, end = _variable(text, dollar, values, "\\")
        found, at = found + text[at:dollar] + value, end
    return found + text[at:]


def _variable(text: str, at: int, values: Mapping[str, str], escape: str) -> tuple[str, int]:
    """The value of what begins at a `$`, and where it ends."""
    if text.startswith("${", at):
        end = _closing(text, at + 2)
        match = BRACED.fullmatch(text[at + 2 : end])
        if match is None:
            raise WordError(f"{text[at : end + 1]!r} is no variable such as ${{NAME}} or ${{NAME:-word}}")
        return _chosen(match[1], match[2] or "", match[3] or "", values, escape), end + 1
    match = NAME.match(text, at + 1)
    return (values.get(match[0], ""), match.end()) if match else ("$", at + 1)


def _closing(text: str, at: int) -> int:
    depth = 1
    for position in range(at, len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if not depth:
            return position
    raise WordError("a ${ without its }")


def _chosen(name: str, operator: str, word: str, values: Mapping[str, str], escape: str) -> str:
    value = values.get(name)
    have = bool(value) if operator.startswith(":") else value is not None
    if operator.endswith("?") and not have:
        raise WordError(f"{name}: {word or 'it is not set'}")
    if operator.endswith("+"):
        return expand(word, values, escape) if have else ""
    if operator.endswith("-") and not have:
        return expand(word, values, escape)
    return value or ""
