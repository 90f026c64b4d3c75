"""The import map of pages with an editor."""

from django.template import Library
from django.utils.safestring import SafeString, mark_safe

from labsite import editor_modules

register = Library()


@register.simple_tag
def editor_import_map() -> SafeString:
    """What bare module names mean; names and addresses of ours only, so nothing in it needs escaping."""
    return mark_safe(editor_modules.import_map())
