"""The site's side: who owns the machine is sent on to the preview's origin with a ticket."""

from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from labsite.labs import access, lessonbook
from labsite.previews import tickets
from labsite.previews.models import Preview
from labsite.previews.ports import allowed


@never_cache
@require_safe
def enter(request: HttpRequest, code: str, machine: str, port: int, path: str = "") -> HttpResponse:
    """Open a port of one's own machine; a stranger, and a port no lesson shows, find nothing."""
    lab = access.live_lab_for(request.user, code)
    lesson = lessonbook.of_lab(lab) if lab else None
    name = lesson.machine.name if lesson and machine == "-" else machine
    sandbox = access.sandbox_for(request.user, code, name)
    if lesson is None or sandbox is None or port not in allowed(lesson, name):
        raise Http404
    lab = sandbox.lab
    lab.touch()
    preview, _ = Preview.objects.get_or_create(sandbox=sandbox, port=port)
    query = request.META.get("QUERY_STRING", "")
    ticket = tickets.ticket(preview.token, lab.user_id, f"/{path}" + (f"?{query}" if query else ""))
    response = redirect(f"{tickets.origin(preview.token)}{tickets.ENTER}?{urlencode({'ticket': ticket})}")
    response["Referrer-Policy"] = "no-referrer"
    return response
