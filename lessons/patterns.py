"""Regular expressions of authors: those that could take for ever are refused.

An answer is matched in the web server, where a learner chooses the text. `(a+)+$` on thirty
letters takes longer than anybody waits, and Python's `re` cannot be interrupted.
"""

import re._parser as grammar
from typing import Any

REPEATS = {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}
MANY = 8  # a bounded repetition of fewer is no danger


def slow(pattern: str) -> bool:
    """Does a repetition stand inside another?"""
    return _nested(grammar.parse(pattern), False)


def _nested(node: Any, inside: bool) -> bool:
    if isinstance(node, grammar.SubPattern):
        return any(_nested(item, inside) for item in node)
    if not isinstance(node, tuple | list):
        return False
    if node and str(node[0]) in REPEATS:
        _, (_low, high, body) = node
        many = int(high) > MANY
        return (inside and many) or _nested(body, inside or many)
    return any(_nested(item, inside) for item in node)
