"""Progress in the admin: to be looked at, not to be written."""

from django.contrib import admin

from lessons.models import Bookmark, Progress


@admin.register(Progress)
class ProgressAdmin(admin.ModelAdmin):
    """Who did what, and when."""

    list_display = readonly_fields = ["user", "course", "lesson", "step", "kind", "item", "passed_at"]
    list_filter = ["course", "lesson", "kind"]
    search_fields = ["user__username"]


@admin.register(Bookmark)
class BookmarkAdmin(admin.ModelAdmin):
    """Who is where."""

    list_display = readonly_fields = ["user", "course", "lesson", "step", "at"]
    list_filter = ["course", "lesson"]
    search_fields = ["user__username"]
