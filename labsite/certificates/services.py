"""Who may have which certificate: whoever has passed every task of a course, or of one lesson of it."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import get_language

from labsite.certificates.models import Certificate
from labsite.labs import progress
from lessons import catalog
from lessons.models import Progress


@dataclass(frozen=True)
class Finished:
    """Something she has finished."""

    subject: str
    title: str
    is_course: bool


def finished(user: Any, language: str | None = None) -> list[Finished]:
    """Every course and lesson of which she has passed all tasks. A lesson without tasks proves nothing and holds up nothing."""
    found = []
    for course in progress.cards(catalog.courses(language or get_language() or "en"), user):
        with_tasks = [lesson for lesson in course.lessons if lesson.progress.total]
        done = [lesson for lesson in with_tasks if lesson.progress.complete]
        if done and len(done) == len(with_tasks):
            found.append(Finished(course.slug, course.title, True))
        found += [Finished(f"{course.slug}/{lesson.slug}", lesson.title, False) for lesson in done]
    return found


def issue(user: Any, subject: str, name: str) -> Certificate | None:
    """The certificate of something she has finished, in this name; None if she has not. Asking again changes the name only."""
    titles = {code: each.title for code, _ in settings.LANGUAGES for each in finished(user, code) if each.subject == subject}
    if not titles:
        return None
    known = {"titles": titles, "finished_at": _when(user, subject)}
    certificate, new = Certificate.objects.get_or_create(user=user, subject=subject, defaults={"name": name, **known})
    if not new and certificate.name != name:
        certificate.name = name
        certificate.save(update_fields=["name"])
    return certificate


def _when(user: Any, subject: str) -> Any:
    """When the last task was passed."""
    course, _, lesson = subject.partition("/")
    rows = Progress.objects.filter(user=user, course=course, kind=Progress.Kind.TASK)
    rows = rows.filter(lesson=lesson) if lesson else rows
    return rows.aggregate(last=Max("passed_at"))["last"] or timezone.now()
