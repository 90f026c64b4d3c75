"""Did you mean …? A misspelt word is answered with the nearest one that is known."""

from collections.abc import Iterable
from difflib import get_close_matches


def near(word: object, known: Iterable[str]) -> str:
    """The tail of a message: `; did you mean 'run'?`, or nothing when no known word is near."""
    found = get_close_matches(str(word).lower(), sorted(known), n=1, cutoff=0.6)
    return f"; did you mean {found[0]!r}?" if found else ""


def listed(words: Iterable[str]) -> str:
    """Some words as a person lists them."""
    return ", ".join(sorted(words))
