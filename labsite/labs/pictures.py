"""Pictures of lessons, each from its own course or repository and only if it is a picture."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from lessons import catalog
from lessons.errors import LessonNotFound
from lessons.foreign import shelf

# An SVG is a document: opened by itself it must neither run a script nor be of our origin.
ALONE = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


@require_safe
def show(request: HttpRequest, course: str, lesson: str, name: str) -> HttpResponse:
    """One picture; 404 for anything that is none."""
    try:
        found = catalog.picture(course, lesson, name) or shelf.picture(course, lesson, name)
    except LessonNotFound:
        raise Http404 from None
    if found is None:
        raise Http404
    data, kind = found
    headers = {"Content-Security-Policy": ALONE, "Cache-Control": "private, max-age=300"}
    return HttpResponse(data, content_type=kind, headers=headers)
