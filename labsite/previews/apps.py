"""Registration of the previews app."""

from django.apps import AppConfig


class PreviewsConfig(AppConfig):
    """Previews of ports."""

    name = "labsite.previews"
    label = "previews"
