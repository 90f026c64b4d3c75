"""Registration of the accounts app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users, sign-in and guests."""

    name = "labsite.accounts"
    label = "accounts"
