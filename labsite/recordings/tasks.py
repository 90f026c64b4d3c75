"""Celery: recordings do not stay longer than their learners were told."""

from celery import shared_task

from labsite.recordings import services


@shared_task(name="recordings.expire")
def expire() -> None:
    """Close what was left open, delete what has been kept long enough."""
    services.end_lost()
    services.throw_away()
