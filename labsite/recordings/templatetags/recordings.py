"""Is this lab being recorded?"""

from django import template

from labsite.labs.models import LabSession
from labsite.recordings import door

register = template.Library()


@register.filter
def is_recorded(lab: LabSession) -> bool:
    """For the page's first data: then its mark is there from the beginning."""
    return door.open_of(lab) is not None
