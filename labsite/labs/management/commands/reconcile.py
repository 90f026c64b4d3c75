"""manage.py reconcile: compare rows with the node once and mend what differs."""

from django.core.management.base import BaseCommand

from labsite.labs import reconciler


class Command(BaseCommand):
    """One round of the reconciler, for instance before the workers start."""

    help = __doc__

    def handle(self, *args: object, **options: object) -> None:
        """Run it."""
        reconciler.run()
