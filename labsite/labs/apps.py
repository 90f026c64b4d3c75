"""Registration of the labs app."""

from django.apps import AppConfig


class LabsConfig(AppConfig):
    """Lab sessions and their sandboxes."""

    name = "labsite.labs"
    label = "labs"
