"""Progress in the admin: to be looked at, not to be written."""

from django.contrib import admin

from lessons.models import Progress


@admin.register(Progress)
class ProgressAdmin(admin.ModelAdmin):
    """Who did what, and when."""

    list_display = ["user", "course", "lesson", "step", "task", "passed_at"]
    list_filter = ["course", "lesson"]
    search_fields = ["user__username"]
    readonly_fields = ["user", "course", "lesson", "step", "task", "passed_at"]
