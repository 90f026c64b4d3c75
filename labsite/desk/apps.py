"""Registration of the desk, and the group of those who may write."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate

GROUP = "authors"


class DeskConfig(AppConfig):
    """Lessons written in the browser."""

    name = "labsite.desk"
    label = "desk"

    def ready(self) -> None:
        """Permissions exist only after the migrations; so does the group that has ours."""
        post_migrate.connect(_make_group, sender=self, dispatch_uid="desk.group")


def _make_group(sender: Any, **_: Any) -> None:
    from django.contrib.auth.models import Group, Permission

    permission = Permission.objects.filter(codename="write_lessons", content_type__app_label="desk").first()
    if permission:
        Group.objects.get_or_create(name=GROUP)[0].permissions.add(permission)
