"""lessons import: read the scenarios of another platform; what is used, what is not, where."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from lessons.foreign import importing

HELP = "read Katacoda and Killercoda scenarios: a report, and with --convert lessons of our own format"


def add_arguments(parser: ArgumentParser) -> None:
    """Where they are, the form of the report, where to write."""
    parser.add_argument("directory", type=Path, help="a repository, or a directory of repositories")
    importing.add_arguments(parser)


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    """Print the report; the exit status is 1 if a scenario is broken."""
    if not options["directory"].is_dir():
        raise CommandError(f"{options['directory']} is not a directory")
    text, whole = importing.run(options["directory"], options["report"], options["convert"])
    command.stdout.write(text)
    if not whole:
        raise CommandError("some scenarios are broken: class E in the report")
