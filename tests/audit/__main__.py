"""`script/audit [--json] [ITEM…]`: every item of the security and reliability list, and whether it holds here.

Runs the tests that stand for the items, on this machine and its kernel, and prints one line for each:
`E-07 held       release_agent v1`. The exit status is 0 if all that was asked for held, 1 if a door is
open, 2 if something was not tested. A door that is known to be open, where a test says `xfail` and why, is
open here too, though `script/test` lets it pass.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
from collections import defaultdict
from typing import Any

import pytest

from tests.audit.items import known, of_test, verdict

PLACES = ("tests/runtime", "tests/faults", "tests/labsite", "tests/lessons", "tests/deploy", "tests/e2e")


class Ledger:
    """A pytest plugin: keeps only tests that stand for an item, and notes how each went."""

    def __init__(self, wanted: set[str]) -> None:
        self.wanted = wanted
        self.items: dict[str, list[str]] = {}
        self.outcomes: dict[str, list[str]] = defaultdict(list)
        self.failures: dict[str, list[str]] = defaultdict(list)

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        for test in items:
            case = test.callspec.id if hasattr(test, "callspec") else ""
            self.items[test.nodeid] = [name for name in of_test(test.function.__doc__, case) if name in self.wanted]
        items[:] = [test for test in items if self.items[test.nodeid]]

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call" or report.outcome != "passed":
            for name in self.items[report.nodeid]:
                outcome = "failed" if report.skipped and hasattr(report, "wasxfail") else report.outcome
                self.outcomes[name].append(outcome)
                if outcome == "failed":
                    self.failures[name].append(report.nodeid)

    def report(self) -> list[dict[str, Any]]:
        titles = known()
        return [
            {"id": name, "title": titles[name], "verdict": verdict(self.outcomes[name]),
             "tests": len(self.outcomes[name]), "failed": self.failures[name]}
            for name in sorted(self.wanted, key=list(titles).index)
        ]  # fmt: skip


def main() -> int:
    """Run and print; see the module's docstring for the exit status."""
    parser = argparse.ArgumentParser(prog="script/audit", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")
    parser.add_argument("--markdown", action="store_true", help="a table, as in docs/security.md")
    parser.add_argument("--list", action="store_true", help="print the items and end")
    parser.add_argument(
        "items", nargs="*", metavar="ITEM", help="an id such as E-07, or a letter for all of a kind (default: all)"
    )
    options = parser.parse_args()
    asked = options.items or ["E", "R", "T", "W", "N", "A", "F", "V"]
    wanted = {name for name in known() if any(name.startswith(each) for each in asked)}
    if not wanted:
        parser.error(f"no item is named {' '.join(options.items)}: see --list")
    if options.list:
        print("\n".join(f"{name} {title}" for name, title in known().items() if name in wanted))
        return 0
    ledger = Ledger(wanted)
    said = io.StringIO()
    with contextlib.redirect_stdout(sys.stderr if sys.stderr.isatty() else said):
        pytest.main(["-q", "--no-header", "-p", "no:cacheprovider", *PLACES], plugins=[ledger])
    return show(ledger.report(), "json" if options.json else "markdown" if options.markdown else "lines")


def table(report: list[dict[str, Any]]) -> str:
    """The report in Markdown."""
    rows = [f"| {line['id']} | {line['title']} | {line['verdict']} | {line['tests']} |" for line in report]
    return "\n".join(["| item | what is tried | verdict | tests |", "|---|---|---|---|", *rows])


def show(report: list[dict[str, Any]], form: str) -> int:
    """Print the report; the exit status."""
    counts = {word: sum(line["verdict"] == word for line in report) for word in ("held", "open", "untested")}
    if form == "markdown":
        print(table(report))
    elif form == "json":
        print(json.dumps({"counts": counts, "items": report}, indent=1))
    else:
        for line in report:
            print(f"{line['id']} {line['verdict']:<9} {line['title']}" + "".join(f"\n     {test}" for test in line["failed"]))
        print(", ".join(f"{count} {word}" for word, count in counts.items()))
    return 1 if counts["open"] else 2 if counts["untested"] else 0


if __name__ == "__main__":
    sys.exit(main())
