"""Has a lesson changed? What a page asks under `lessons preview`, so that it can load itself again."""

import hashlib

from django.conf import settings
from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from lessons import catalog
from lessons.errors import LessonErrors, LessonNotFound


@never_cache
@require_safe
def stamp(request: HttpRequest, course: str, lesson: str) -> JsonResponse:
    """A word that changes with the lesson's files, and the faults it has now."""
    if not settings.PREVIEW:
        raise Http404
    faults: tuple = ()
    try:
        for language in catalog.LANGUAGES:
            if catalog.settings_of(course).entries[lesson].file(language).exists():
                catalog.read_file(catalog.settings_of(course), lesson, language)
        word = stamp_of(course, lesson)
    except LessonErrors as errors:
        word, faults = "", errors.errors
    except (LessonNotFound, KeyError) as error:
        raise Http404 from error
    return JsonResponse({"stamp": word, "faults": [f"{each.file.name}:{each.line}: {each.message}" for each in faults]})


def stamp_of(course: str, slug: str) -> str:
    """A short word for what the files of a lesson are like now; empty if it has none of ours."""
    try:
        times = catalog.changed_at(catalog.settings_of(course), slug)
    except (LessonNotFound, LessonErrors, KeyError):  # a foreign lesson, or one withdrawn
        return ""
    return hashlib.sha256(repr(times).encode()).hexdigest()[:16]
