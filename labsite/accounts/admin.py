"""Users and tokens in Django's admin."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from labsite.accounts.models import ApiToken, User

admin.site.site_header = admin.site.site_title = "Vitrine"


@admin.register(User)
class VitrineUserAdmin(UserAdmin):
    """Django's own, with guests told apart."""

    list_display = ("username", "is_guest", "is_staff", "date_joined", "last_login")
    list_filter = ("is_guest", "is_staff", "is_superuser", "is_active")


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):
    """Tokens can be seen and withdrawn; their text was shown once, when issued."""

    list_display = ("user", "label", "created_at")
    readonly_fields = ("user", "digest", "created_at")

    def has_add_permission(self, request: object) -> bool:
        """Tokens are issued by `manage.py token`, which can show the text."""
        return False
