"""What changes lessons of the desk: begin, save, publish, roll back, test, look at."""

import secrets
from datetime import timedelta
from typing import Any

from django.core.cache import cache
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from labsite.accounts.models import User
from labsite.desk import folders, problems
from labsite.desk.folders import Files, Refused
from labsite.desk.models import Draft, State, TestRun, Version
from labsite.labs import lessonbook, services
from labsite.labs.authoring.new import SCAFFOLDS
from labsite.labs.models import LabSession
from lessons import editions

MOST_DRAFTS = 200
MOST_VERSIONS = 500
LONGEST_TEST = 600  # seconds; the task is ended then
GRACE = timedelta(seconds=LONGEST_TEST + 120)


def files_of(version: Version) -> Files:
    """Its files by name."""
    return folders.read(version.edition, version.draft.slug)


def scaffold(title: str) -> Files:
    """A lesson that is small, complete, and passes its test."""
    text = (SCAFFOLDS / "lesson.md").read_text(encoding="utf-8")
    plain = " ".join(title.replace("\\", "/").split()).replace('"', "”")
    return {"lesson.md": text.replace("TITLE", plain).encode()}


@transaction.atomic
def begin(author: User, slug: str, files: Files, note: str) -> Draft:
    """A new lesson of this author; Refused if the name is taken."""
    if author.drafts.count() >= MOST_DRAFTS:
        raise Refused(_("You have %(n)s lessons here; no more fit.") % {"n": MOST_DRAFTS})
    draft, made = Draft.objects.get_or_create(slug=slug, defaults={"author": author})
    if not made:
        raise Refused(_("The name %(slug)s is taken.") % {"slug": slug})
    save(draft, files, note)
    return draft


@transaction.atomic
def save(draft: Draft, files: Files, note: str, seen: int | None = None) -> Version:
    """A new version, unless nothing differs. `seen` is the version the author had before her eyes."""
    draft = Draft.objects.select_for_update().get(pk=draft.pk)
    newest = draft.versions.order_by("-number").first()
    if newest and files_of(newest) == files:
        return newest
    if newest and seen is not None and seen != newest.number:
        words = _("Version %(n)s was saved meanwhile, in another tab: copy your text, and load the page again.")
        raise Refused(words % {"n": newest.number})
    if newest and newest.number >= MOST_VERSIONS:
        raise Refused(_("This lesson has %(n)s versions; no more fit.") % {"n": MOST_VERSIONS})
    edition, number = secrets.token_hex(12), newest.number + 1 if newest else 1
    folders.write(edition, draft.slug, files)
    return Version.objects.create(draft=draft, number=number, edition=edition, title=problems.title_of(files), note=note)


def publish(version: Version) -> list[dict[str, Any]]:
    """Show this version to everybody; the faults if it has any, and then it is not shown."""
    found = problems.find(version.draft.slug, files_of(version))
    if not problems.stops(found):
        _show(version.draft, version)
    return found


def withdraw(draft: Draft) -> None:
    """Take the lesson off the map; labs that run keep it."""
    _show(draft, None)


def _show(draft: Draft, version: Version | None) -> None:
    with cache_lock("desk.publish"):
        editions.publish(draft.slug, version.edition if version else "")
        Draft.objects.filter(pk=draft.pk).update(published=version)
    draft.published = version


@transaction.atomic
def test(author: User, version: Version) -> TestRun:
    """Ask for a test; Refused while another of this author's runs."""
    User.objects.select_for_update().get(pk=author.pk)
    runs = TestRun.objects.filter(version__draft__author=author, state__in=[State.WAITING, State.RUNNING])
    runs.filter(started_at__lt=timezone.now() - GRACE).update(state=State.FAILED, ended_at=timezone.now())
    if runs.exists():
        raise Refused(_("A test of yours still runs: one at a time."))
    from labsite.desk.tasks import test_version

    run = TestRun.objects.create(version=version)
    transaction.on_commit(lambda: test_version.delay(run.pk))
    return run


def look_at(author: User, version: Version, address: str | None) -> LabSession | None:
    """The author's own lab of this very version, in the place of an earlier one; None if it cannot be read."""
    lesson = lessonbook.find(f"{editions.COURSE}/{version.draft.slug}", edition=version.edition)
    if lesson is None:
        return None
    path = lessonbook.path_of(lesson)
    for lab in LabSession.objects.filter(user=author, lesson=path, ended_at=None).exclude(edition=version.edition):
        services.end_lab(lab, "user")
    return services.open_lab(author, lesson, address)


def cache_lock(name: str) -> Any:
    """One at a time, on all nodes, where the cache has locks; a transaction's lock suffices elsewhere."""
    lock = getattr(cache, "lock", None)
    return lock(name, timeout=10) if lock else transaction.atomic()
