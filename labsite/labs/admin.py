"""Labs in Django's admin: to look, and to end."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from labsite.labs import services
from labsite.labs.models import LabSession, Sandbox, TaskResult


class SandboxInline(admin.TabularInline):
    """The machines of a lab."""

    model = Sandbox
    extra = 0
    fields = readonly_fields = ("name", "status", "node", "step", "error", "started_at")
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Machines come from lessons."""
        return False


@admin.register(LabSession)
class LabSessionAdmin(admin.ModelAdmin):
    """Every lab; deleting a row would forget machines, so one ends it instead."""

    list_display = ("code", "user", "lesson", "status", "created_at", "expires_at", "ended_at", "end_reason")
    list_filter = ("lesson", "end_reason")
    readonly_fields = ("code", "user", "lesson", "address", "created_at", "active_at", "ended_at", "end_reason")
    inlines = (SandboxInline,)
    actions = ("end",)

    @admin.action(description="End these labs")
    def end(self, request: HttpRequest, labs: QuerySet[LabSession]) -> None:
        """End each of them."""
        for lab in labs.filter(ended_at=None):
            services.end_lab(lab, "operator")

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """See the class."""
        return False


@admin.register(TaskResult)
class TaskResultAdmin(admin.ModelAdmin):
    """What checks said: who is stuck, and on which."""

    list_display = ("lab", "step", "task", "state", "attempts", "passed_at")
    list_filter = ("state", "step")
