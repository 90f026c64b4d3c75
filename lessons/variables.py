"""Values that differ between attempts: `%{name}` in a lesson, `$LAB_NAME` in its checks.

A value is drawn from the seed of the attempt, never from a clock, so that the same lab
session always reads the same lesson. Only declared names are replaced: other `%{…}` and
all `{{ … }}` are left to the tools they belong to.
"""

import hashlib
import html as htmllib
import re
from typing import Any

PATTERN = re.compile(r"%\{([a-z][a-z0-9_-]*)\}")


def choose(declared: dict[str, dict[str, Any]], seed: str) -> dict[str, str]:
    """Draw one value for each declared variable."""
    return {name: _draw(rule, f"{seed}:{name}") for name, rule in declared.items()}


def _draw(rule: dict[str, Any], seed: str) -> str:
    digest = hashlib.sha256(seed.encode()).hexdigest()
    if "pick" in rule:
        return str(rule["pick"][int(digest, 16) % len(rule["pick"])])
    return digest[: int(rule["random"])]


def substitute(text: str, values: dict[str, str], *, html: bool = False) -> str:
    """Put the values into a text, escaped where the text is HTML."""

    def value(match: re.Match[str]) -> str:
        found = values.get(match[1], match[0])
        return htmllib.escape(found) if html else found

    return PATTERN.sub(value, text)


def environment(values: dict[str, str]) -> dict[str, str]:
    """The same values as a check sees them: LAB_NAME=otter."""
    return {"LAB_" + name.upper().replace("-", "_"): value for name, value in values.items()}


def fault(name: str, rule: Any) -> str | None:
    """Say what is wrong with one declaration under `vars:`."""
    if not PATTERN.fullmatch("%{" + name + "}"):
        return f"variable {name!r}: a name is lower-case letters, digits, - and _"
    if not isinstance(rule, dict) or len(rule) != 1:
        return f"variable {name}: write {{pick: [a, b]}} or {{random: 8}}"
    if isinstance(rule.get("pick"), list) and rule["pick"]:
        return None
    if isinstance(rule.get("random"), int) and 1 <= rule["random"] <= 64:
        return None
    return f"variable {name}: write {{pick: [a, b]}} or {{random: 8}}"
