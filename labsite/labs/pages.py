"""Pages to read: the home page with the map of lessons, and a lesson."""

import os
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from labsite.labs import lessonbook, progress
from labsite.labs.models import LabSession, Sandbox, Status
from lessons import catalog

BOXES = 60  # the most that the drawing shows


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The first page: one button, what runs here now, the course."""
    running = Sandbox.objects.filter(status=Status.RUNNING)
    number = running.count()
    counts = {"sandboxes": number, "boxes": range(min(number, BOXES)), "kernel": f"Linux {os.uname().release}"}
    mine = LabSession.objects.filter(user=request.user, ended_at=None) if request.user.is_authenticated else []
    context = {
        "courses": progress.cards(catalog.courses(get_language() or "en"), request.user),
        "counts": counts,
        "open_labs": [(lab, lessonbook.find(lab.lesson)) for lab in mine],
    }
    return render(request, "home.html", context)


@require_safe
def lesson(request: HttpRequest, course: str, lesson: str) -> HttpResponse:
    """A lesson as a text, with the button that opens its lab."""
    found = lessonbook.find(f"{course}/{lesson}")
    if found is None:
        raise Http404
    return render(request, "lesson.html", lesson_context(request, found))


def lesson_context(request: HttpRequest, lesson: catalog.Lesson) -> dict[str, Any]:
    """What the page of a lesson shows."""
    return {
        "lesson": lesson,
        "course": catalog.course(lesson.course, lesson.language),
        "path": lessonbook.path_of(lesson),
        "open_lab": _open_lab(request, lesson),
    }


def _open_lab(request: HttpRequest, lesson: catalog.Lesson) -> LabSession | None:
    """The lab she left open for this lesson."""
    if not request.user.is_authenticated:
        return None
    labs = LabSession.objects.filter(user=request.user, lesson=lessonbook.path_of(lesson), ended_at=None)
    return labs.first()
