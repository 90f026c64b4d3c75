"""Pages to read: the home page with the map of lessons, and a lesson."""

import os
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from labsite.labs import lessonbook, progress
from labsite.labs.models import LabSession, Sandbox, Status
from lessons import catalog
from lessons import glossary as words
from lessons.errors import LessonNotFound

BOXES = 60  # the most that the drawing shows


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The first page: one button, what runs here now, the course."""
    running = Sandbox.objects.filter(status=Status.RUNNING)
    number = running.count()
    counts = {"sandboxes": number, "boxes": range(min(number, BOXES)), "kernel": f"Linux {os.uname().release}"}
    language = get_language() or "en"
    context = {
        "courses": progress.cards(catalog.courses(language), request.user),
        "with_words": [name for name in catalog.names() if words.of(name, language)],
        "counts": counts,
        "open_labs": open_labs(request.user),
    }
    return render(request, "home.html", context)


def open_labs(user: Any) -> list[tuple[LabSession, catalog.Lesson | None]]:
    """The labs she has open, with their lessons."""
    if not user.is_authenticated:
        return []
    return [(lab, lessonbook.find(lab.lesson)) for lab in LabSession.objects.filter(user=user, ended_at=None)]


@require_safe
def lesson(request: HttpRequest, course: str, lesson: str) -> HttpResponse:
    """A lesson as a text, with the button that opens its lab."""
    found = lessonbook.find(f"{course}/{lesson}", seed=lessonbook.READER)
    if found is None:
        raise Http404
    return render(request, "lesson.html", lesson_context(request, found))


def lesson_context(request: HttpRequest, lesson: catalog.Lesson) -> dict[str, Any]:
    """What the page of a lesson shows."""
    known = progress.standing(request.user, lesson)
    return {
        "lesson": lesson,
        "course": catalog.course(lesson.course, lesson.language),
        "terms": terms_of(lesson),
        "open_lab": _open_lab(request, lesson),
        "steps_done": {step.id for step in lesson.steps if known.finished(step)},
        "next_step": lesson.step(known.step) if known.begun(lesson) else None,
        "standing_quizzes": sorted(known.quizzes),
        "quizzes_url": reverse("api:lessons") + f"/{lessonbook.path_of(lesson)}/quizzes/",
    }


@require_safe
def glossary(request: HttpRequest, course: str) -> HttpResponse:
    """The words of a course."""
    language = get_language() or "en"
    try:
        context = {"course": catalog.course(course, language), "terms": words.of(course, language)}
    except LessonNotFound:
        raise Http404
    return render(request, "glossary.html", context)


def terms_of(lesson: catalog.Lesson) -> words.Linker:
    """What makes links of a lesson's new words."""
    return words.Linker(words.of(lesson.course, lesson.language), reverse("lessons:glossary", args=[lesson.course]))


def _open_lab(request: HttpRequest, lesson: catalog.Lesson) -> LabSession | None:
    """The lab she left open for this lesson."""
    if not request.user.is_authenticated:
        return None
    labs = LabSession.objects.filter(user=request.user, lesson=lessonbook.path_of(lesson), ended_at=None)
    return labs.first()
