"""Attributes in braces: `{run terminal=2 says="still 644" #id}`.

The same little grammar serves fences (`sh {run}`), directives (`:::hint[Title]{after=120}`)
and headings (`## Title {#id}`). A word alone is a flag, `#word` is the id.
"""

import re
from dataclasses import dataclass, field

TOKEN = re.compile(
    r"""\s*(?:
        \#(?P<id>[A-Za-z0-9_-]+)
      | (?P<key>[a-z][a-z-]*)=(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s"{}]+))
      | (?P<flag>[a-z][a-z-]*)
    )(?=\s|$)""",
    re.VERBOSE,
)
# name[label]{attributes}: a fence has no label, a directive's name is a plain word
HEAD = re.compile(r"^\s*(?P<name>[\w+-]*)(?:\[(?P<label>[^\]]*)\])?\s*(?:\{(?P<attributes>.*)\})?\s*$")


@dataclass(frozen=True)
class Attributes:
    """What stood in the braces."""

    id: str = ""
    flags: tuple[str, ...] = ()
    values: dict[str, str] = field(default_factory=dict)

    def unknown(self, allowed: set[str]) -> list[str]:
        """The names that nobody understands here."""
        return [name for name in (*self.flags, *self.values) if name not in allowed]

    def number(self, name: str, default: int) -> int:
        """A whole number; ValueError says which attribute is not one."""
        text = self.values.get(name, str(default))
        if not re.fullmatch(r"\d{1,6}", text):
            raise ValueError(f"{name}={text} is not a whole number")
        return int(text)


def parse(text: str | None) -> Attributes:
    """Read the inside of the braces; ValueError names the part that is not understood."""
    text, position = (text or "").strip(), 0
    ids: list[str] = []
    flags: list[str] = []
    values: dict[str, str] = {}
    while position < len(text):
        match = TOKEN.match(text, position)
        if not match:
            raise ValueError(f'attribute not understood: {text[position:]!r} (write word, name=value or name="two words")')
        position = match.end()
        _once(match["id"] or match["key"] or match["flag"], ids, flags, values)
        if match["id"]:
            ids.append(match["id"])
        elif match["flag"]:
            flags.append(match["flag"])
        else:
            values[match["key"]] = match["bare"] if match["quoted"] is None else match["quoted"]
    return Attributes(ids[0] if ids else "", tuple(flags), values)


def _once(name: str, *seen: list[str] | dict[str, str]) -> None:
    if any(name in names for names in seen):
        raise ValueError(f"attribute {name!r} is given twice")


def parse_head(info: str, what: str) -> tuple[str, str, Attributes]:
    """Split `name[label]{attributes}`; ValueError says what of which kind is not understood."""
    match = HEAD.match(info)
    if not match:
        raise ValueError(f"{what} not understood: {info.strip()!r}")
    return match["name"], match["label"] or "", parse(match["attributes"])


def parse_fence(info: str) -> tuple[str, Attributes]:
    """A fence's info string: its language and its attributes."""
    name, label, found = parse_head(info, "fence")
    if label:
        raise ValueError(f"fence not understood: {info.strip()!r} (attributes stand in braces)")
    return name, found


def parse_directive(info: str) -> tuple[str, str, Attributes]:
    """A directive's line: name, label and attributes."""
    name, label, found = parse_head(info, "directive")
    if not re.fullmatch(r"[a-z]+", name):
        raise ValueError(f"directive not understood: {info.strip()!r}")
    return name, label, found
