"""The lab that an address names, or the problem that says why not."""

from django.http import HttpRequest

from labsite.labs import access
from labsite.labs.api.problems import ProblemError
from labsite.labs.models import LabSession


def find_lab(request: HttpRequest, code: str, live: bool = True) -> LabSession:
    """The lab of one's own with this code; 404 for a stranger's, 410 for one that has ended if it must be live."""
    lab = access.lab_for(request.user, code)
    if lab is None:
        raise ProblemError(404, "no-lab", "there is no such lab")
    if live and lab.ended_at:
        raise ProblemError(410, "ended", "this lab has ended", reason=lab.end_reason)
    return lab
