"""manage.py token NAME: issue a bearer token for the HTTP API."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from labsite.accounts.models import ApiToken, User


class Command(BaseCommand):
    """Issue a bearer token for a user; its text is printed this once."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Who, and what for."""
        parser.add_argument("username")
        parser.add_argument("--label", default="")

    def handle(self, *args: object, username: str, label: str, **options: object) -> None:
        """Print the token."""
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"no user named {username!r}")
        self.stdout.write(ApiToken.issue(user, label))
