"""What is on the desk, in Django's admin. Who may write is a matter of the group "authors"."""

from django.contrib import admin

from labsite.desk.models import Draft, TestRun


@admin.register(Draft)
class DraftAdmin(admin.ModelAdmin):
    """Lessons of all authors; to withdraw one is the desk's business."""

    list_display = ("slug", "author", "published", "created_at")
    readonly_fields = ("slug", "published", "created_at")

    def has_add_permission(self, request: object) -> bool:
        """A lesson begins at the desk, with its folder."""
        return False


@admin.register(TestRun)
class TestRunAdmin(admin.ModelAdmin):
    """Tests and their logs."""

    list_display = ("version", "state", "started_at", "ended_at")
    readonly_fields = ("version", "state", "lines", "started_at", "ended_at")
