"""manage.py reconcile: compare rows with the node once and mend what differs."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from labsite.labs import reconciler


class Command(BaseCommand):
    """One round of the reconciler, for instance before the workers start."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """One flag."""
        parser.add_argument("--confirm", action="store_true", help="remove sandboxes without a lab, however many they are")

    def handle(self, *args: object, **options: Any) -> None:
        """Run it."""
        reconciler.run(confirmed=options["confirm"])
