"""`{{ step.html|linked:terms }}`: the step's text, its new words leading to the glossary."""

from django import template
from django.utils.safestring import SafeString, mark_safe

from lessons.glossary import Linker

register = template.Library()


@register.filter
def linked(text: str, terms: Linker) -> SafeString:
    """What the lesson's renderer made, which escapes all that an author writes, with links around bold words."""
    return mark_safe(terms.link(text))
