"""Registration of the xray app."""

from django.apps import AppConfig


class XrayConfig(AppConfig):
    """Observations of sandboxes; nothing in the database."""

    name = "labsite.xray"
    label = "xray"
