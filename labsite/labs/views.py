"""Pages of a lab: open, show, end."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from labsite.accounts.guests import user_or_guest
from labsite.labs import access, lessonbook, serialize, services
from labsite.labs.address import client_address
from labsite.labs.limits import LimitError
from labsite.labs.models import LabSession
from labsite.labs.pages import lesson_context


@require_POST
def open_lab(request: HttpRequest) -> HttpResponse:
    """Open a lab for the lesson named in the form; a visitor becomes a guest."""
    lesson = lessonbook.find(request.POST.get("lesson", ""))
    if lesson is None:
        raise Http404
    try:
        lab = services.open_lab(user_or_guest(request), lesson, client_address(request))
    except LimitError as reached:
        mine = LabSession.objects.filter(user_id=request.user.pk, ended_at=None)
        context = lesson_context(request, lesson) | {"limit": reached, "open_labs": mine}
        return render(request, "lesson.html", context, status=429)
    return redirect("labs:show", code=lab.code)


@never_cache
@require_safe
def show(request: HttpRequest, code: str) -> HttpResponse:
    """The page people live in."""
    lab = access.lab_for(request.user, code)
    lesson = lessonbook.of_lab(lab) if lab else None
    if lab is None or lesson is None:
        raise Http404
    steps = [{"step": step, "html": mark_safe(step.html)} for step in lesson.steps]
    context = {"lab": lab, "lesson": lesson, "steps_html": steps, "boot": serialize.boot(request, lab)}
    return render(request, "lab.html", context)


@require_POST
def end(request: HttpRequest, code: str) -> HttpResponse:
    """End the lab and go back to its lesson."""
    lab = access.lab_for(request.user, code)
    if lab is None:
        raise Http404
    services.end_lab(lab, "user")
    course, _, slug = lab.lesson.partition("/")
    return redirect("lessons:show", course=course, lesson=slug)
