"""lessons test: play the lessons in real sandboxes (see labsite.labs.trial).

It needs a spawner, and starts one of its own when none runs and it is root. Lessons run beside
each other with --jobs; what is said of one is printed together, in the order asked for.
"""

import json
from argparse import ArgumentParser
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from labsite.labs import checks, gateway
from labsite.labs.authoring import reports, selection
from labsite.labs.authoring.node import spawner
from labsite.labs.authoring.reports import Played
from labsite.labs.imported import ImportedTrial, lessons_in
from labsite.labs.trial import Outcome, Trial
from labsite.labs.typist import TypingError
from lessons.catalog import Lesson

HELP = "play the lessons in real sandboxes: untouched fails, wrong attempts fail, solutions pass"

# how a node can fail us; the report of what was proved so far is still written
NODE_ERRORS = (checks.SetupFailed, TypingError, gateway.GatewayError, gateway.SpawnerUnavailable, gateway.RuntimeRefused)


def add_arguments(parser: ArgumentParser) -> None:
    """What may be tested, how, and where the reports go."""
    selection.add_arguments(parser)
    parser.add_argument("--seed", action="append", help="draws the values of %%{name} variables; may be repeated (default 1)")
    parser.add_argument(
        "--imported", type=Path, metavar="DIR", help="the scenarios of another platform in DIR: their commands are the solution"
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="so many lessons beside each other")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--junit", type=Path, help="write a JUnit XML report here")
    parser.add_argument("--markdown", type=Path, help="write a report in Markdown here")


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    """Read, then play every lesson with every seed."""
    plays = [(lesson, seed) for lesson in _lessons(options) for seed in options["seed"] or ["1"]]
    with spawner():
        played = _play_all(command, plays, options)
    if options["junit"]:
        options["junit"].write_bytes(reports.junit(played))
    if options["markdown"]:
        options["markdown"].write_text(reports.markdown(played), encoding="utf-8")
    outcomes = [outcome for _, _, outcome in played]
    failed = sum(not outcome.ok for outcome in outcomes)
    if failed or not outcomes:
        raise CommandError(f"{failed} of {len(outcomes)} proofs failed")
    if not options["json"]:
        command.stdout.write(f"{len(outcomes)} proofs hold")


def _lessons(options: dict[str, Any]) -> list[Lesson]:
    """Those meant, if nothing is wrong with any."""
    if options["imported"]:
        return lessons_in(options["imported"])
    found = selection.read(options)
    if found.faults:
        raise CommandError("\n".join(map(str, found.faults)))
    return found.lessons


def _play_all(command: BaseCommand, plays: list[tuple[Lesson, str]], options: dict[str, Any]) -> list[Played]:
    """One after the other each line as it comes; beside each other each lesson when it is done."""
    alone = options["jobs"] <= 1
    played: list[Played] = []

    def one(lesson: Lesson, seed: str) -> list[Outcome]:
        kind = ImportedTrial if options["imported"] else Trial
        return play(kind, lesson, seed, lambda outcome: show(command, lesson, seed, outcome, options["json"]) if alone else None)

    with ThreadPoolExecutor(max(1, options["jobs"])) as pool:
        for (lesson, seed), outcomes in zip(plays, pool.map(lambda each: one(*each), plays), strict=True):
            played += [(lesson, seed, outcome) for outcome in outcomes]
            for outcome in () if alone else outcomes:
                show(command, lesson, seed, outcome, options["json"])
    return played


def play(kind: type[Trial], lesson: Lesson, seed: str, hear: Any) -> list[Outcome]:
    """Everything the trial says of one lesson; a node that fails us is one more line."""
    outcomes: list[Outcome] = []

    def report(outcome: Outcome) -> None:
        outcomes.append(outcome)
        hear(outcome)

    try:
        kind(lesson, seed, report).run()
    except NODE_ERRORS as error:
        report(Outcome(False, "", "machine", "prepare", str(error)))
    return outcomes


def show(command: BaseCommand, lesson: Lesson, seed: str, outcome: Outcome, as_json: bool) -> None:
    """One line: `ok  step task act -> status message`."""
    if as_json:
        where = {"lesson": f"{lesson.course}/{lesson.slug}", "language": lesson.language, "seed": seed}
        command.stdout.write(json.dumps(where | vars(outcome), ensure_ascii=False))
        return
    mark = command.style.SUCCESS("ok  ") if outcome.ok else command.style.ERROR("FAIL")
    words = " ".join(word for word in (outcome.step, outcome.part, f"{outcome.act:<9}") if word)
    command.stdout.write(f"{mark} {words} -> {outcome.detail}")
