"""Celery: start, stop, check and reconcile sandboxes away from the web process.

Messages are JSON and carry codes, never specs. Redelivery is not relied on: a task that
was lost is noticed by `reconcile`, which compares rows with the node every 15 seconds.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labsite.settings")

app = Celery("labsite")


@app.on_configure.connect
def configure(sender: Celery, **_: object) -> None:
    """Settings are read when first needed, so that importing labsite needs none."""
    from django.conf import settings

    url = settings.REDIS_URL
    sender.conf.update(
        broker_url=url.replace("unix://", "redis+socket://", 1),
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_acks_late=True,
        worker_prefetch_multiplier=1,
        task_time_limit=120,
        # A broker that hangs must not hang a page: what is not sent now is sent by `reconcile`.
        broker_transport_options={"socket_timeout": 5, "socket_connect_timeout": 2, "visibility_timeout": 3600},
        task_default_queue="sandboxes",
        task_routes={"labs.run_check": {"queue": "checks"}, "desk.test_version": {"queue": "tests"}},
        broker_connection_retry_on_startup=True,
        worker_hijack_root_logger=False,
        timezone="UTC",
        beat_schedule_filename=str(settings.STATE_DIR / "celerybeat-schedule"),
        beat_schedule={
            "reconcile": {"task": "labs.reconcile", "schedule": 15.0, "options": {"expires": 15}},
            "recordings": {"task": "recordings.expire", "schedule": 60.0, "options": {"expires": 60}},
        },
    )


app.autodiscover_tasks()
