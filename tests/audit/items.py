"""The list of attacks and faults, and which test stands for which item.

A test names the items it proves in the first lines of its docstring (`E-07: …`, `E-04, E-05: …`) or, if
it runs once for each of many, in the name of the case (`[E-16 bpf]`). Nothing else connects the two, so
an item without a test cannot be reported as held.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

ITEM = re.compile(r"\b([ERTWNAFV])-(\d\d)\b")
RANGE = re.compile(r"\b([ERTWNAFV])-(\d\d) to \1-(\d\d)\b")
LIST = Path(__file__).with_name("items.tsv")


def known() -> dict[str, str]:
    """Every item of the list: its id and what is tried."""
    return dict(line.split("\t", 1) for line in LIST.read_text().splitlines())


def named_in(text: str) -> list[str]:
    """The ids that a text names, with `E-31 to E-33` written out."""
    found = [f"{kind}-{number}" for kind, number in ITEM.findall(text)]
    for kind, first, last in RANGE.findall(text):
        found += [f"{kind}-{number:02}" for number in range(int(first), int(last) + 1)]
    return sorted(set(found))


def of_test(docstring: str | None, case: str) -> list[str]:
    """The ids that one test stands for: those of its case if it has any, else those of its docstring."""
    return named_in(case) or named_in(docstring or "")


def verdict(outcomes: Iterable[str]) -> str:
    """`held` if every test of an item passed, `open` if one failed, `untested` if there is none that ran."""
    outcomes = list(outcomes)
    if "failed" in outcomes:
        return "open"
    return "held" if outcomes and all(outcome == "passed" for outcome in outcomes) else "untested"
