"""manage.py lessons VERB: what an author runs before showing a lesson to anybody.

Each verb is a module of `labsite.labs.authoring`.
"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from labsite.labs.authoring import check, export, importing, new, preview, test

VERBS = {"new": new, "check": check, "test": test, "preview": preview, "export": export, "import": importing}


class Command(BaseCommand):
    """Write, check, test, preview, export and import lessons."""

    help = "write, check, test, preview, export and import lessons"

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        for name, module in VERBS.items():
            module.add_arguments(verbs.add_parser(name, help=module.HELP, description=module.HELP))

    def handle(self, *args: Any, **options: Any) -> None:
        VERBS[options["verb"]].run(self, options)
