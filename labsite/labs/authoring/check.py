"""lessons check: read every lesson and name each fault with file and line."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from labsite.labs.authoring import selection
from lessons.errors import LessonError, LessonNote

HELP = "read the lessons and name every fault with file and line"


def add_arguments(parser: ArgumentParser) -> None:
    """What may be checked."""
    selection.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def line(fault: LessonError) -> str:
    """A fault or a note as JSON."""
    kind = "note" if isinstance(fault, LessonNote) else "fault"
    return json.dumps({"kind": kind, "file": str(fault.file), "line": fault.line, "message": fault.message}, ensure_ascii=False)


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    """Say what is wrong; the exit status is 1 if anything is."""
    found = selection.read(options)
    for each in [*found.notes, *(found.faults if options["json"] else ())]:
        command.stdout.write(line(each) if options["json"] else f"note: {each}")
    if found.faults:
        raise CommandError(
            "\n".join(str(fault) for fault in found.faults) if not options["json"] else f"{len(found.faults)} faults"
        )
    if not options["json"]:
        command.stdout.write(f"{len(found.lessons)} lesson files are in order")
