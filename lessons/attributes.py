"""Attributes in braces: `{run terminal=2 says="still 644" #id}`.

The same little grammar serves fences (`sh {run}`) and directives
(`:::hint[Title]{after=120}`). A word alone is a flag, `#word` is the id.
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
FENCE = re.compile(r"^(?P<language>[\w+-]*)\s*(?:\{(?P<attributes>.*)\})?\s*$")
DIRECTIVE = re.compile(
    r"^\s*(?P<name>[a-z]+)(?:\[(?P<label>[^\]]*)\])?(?:\{(?P<attributes>.*)\})?\s*$"
)


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
    id, flags, values = "", [], {}
    while position < len(text):
        match = TOKEN.match(text, position)
        if not match:
            raise ValueError(f"attribute not understood: {text[position:]!r}")
        position = match.end()
        if match["id"]:
            id = match["id"]
        elif match["flag"]:
            flags.append(match["flag"])
        else:
            values[match["key"]] = match["bare"] if match["quoted"] is None else match["quoted"]
    return Attributes(id, tuple(flags), values)


def parse_fence(info: str) -> tuple[str, Attributes]:
    """Split a fence's info string into its language and its attributes."""
    match = FENCE.match(info.strip())
    if not match:
        raise ValueError(f"fence not understood: {info!r}")
    return match["language"], parse(match["attributes"])


def parse_directive(info: str) -> tuple[str, str, Attributes]:
    """Split a directive's line into name, label and attributes."""
    match = DIRECTIVE.match(info)
    if not match:
        raise ValueError(f"directive not understood: {info.strip()!r}")
    return match["name"], match["label"] or "", parse(match["attributes"])
