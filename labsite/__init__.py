"""The web site: settings, addresses, and the apps that give learners their labs."""

from labsite.celery import app as celery_app

__all__ = ["celery_app"]
