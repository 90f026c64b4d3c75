"""Is this lab being recorded, and what are the limits? For the lab's page, whose app may not import this one."""

from django import template
from django.conf import settings

from labsite.labs.models import LabSession
from labsite.recordings import door

register = template.Library()


@register.filter
def is_recorded(lab: LabSession) -> bool:
    """For the page's first data: then its mark is there from the beginning."""
    return door.open_of(lab) is not None


@register.inclusion_tag("includes/record_sheet.html")
def consent_sheet() -> dict[str, dict[str, int]]:
    """The words of consent, with this server's limits."""
    return {
        "limits": {
            "days": settings.RECORDING_DAYS,
            "minutes": settings.RECORDING_SECONDS // 60,
            "mib": settings.RECORDING_BYTES >> 20,
        }
    }
