"""Celery: the test of a version, in sandboxes, as `manage.py lessons test` does it."""

import logging
from typing import Any

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.utils import timezone

from labsite.desk import services
from labsite.desk.models import State, TestRun
from labsite.labs.authoring.test import play
from labsite.labs.trial import Outcome, Trial
from lessons import catalog, editions
from lessons.errors import LessonErrors, LessonNotFound

log = logging.getLogger(__name__)
MOST_LINES = 1000
LONGEST_LINE = 600


@shared_task(name="desk.test_version", soft_time_limit=services.LONGEST_TEST, time_limit=services.LONGEST_TEST + 30)
def test_version(pk: int) -> None:
    """Play every language of a version and write each proof down as it is found."""
    run = TestRun.objects.select_related("version__draft").filter(pk=pk).first()
    if run is None or not run.move(State.WAITING, to=State.RUNNING):
        return  # another worker got there first
    passed = False
    try:
        passed = _play(run)
    except SoftTimeLimitExceeded:
        passed = _note(run, False, f"the test was ended after {services.LONGEST_TEST} s")
    except LessonErrors as errors:
        for each in errors.errors:
            passed = _note(run, False, f"{each.file.name}:{each.line}: {each.message}")
    except LessonNotFound as error:
        passed = _note(run, False, str(error))
    except Exception:
        log.exception("test %s broke", run.pk)
        passed = _note(run, False, "the server failed; the operator’s log says how")
    run.move(State.RUNNING, to=State.PASSED if passed else State.FAILED, ended_at=timezone.now())


def _play(run: TestRun) -> bool:
    """True if every proof holds, and there is one."""
    draft, edition = run.version.draft, run.version.edition
    entry, held = editions.settings(edition).entries[draft.slug], []
    for language in catalog.LANGUAGES:
        if entry.file(language).exists():
            lesson = catalog.get(editions.COURSE, draft.slug, language, edition=edition)
            held += [each.ok for each in play(Trial, lesson, "1", _hear(run, language))]
    if not held:
        _note(run, False, "nothing was proved: the lesson has no task and runs no command")
    return bool(held) and all(held)


def _hear(run: TestRun, language: str) -> Any:
    def hear(outcome: Outcome) -> None:
        words = " ".join(word for word in (outcome.step, outcome.part, outcome.act) if word)
        _note(run, outcome.ok, f"{language} {words} → {outcome.detail}", outcome.seconds)

    return hear


def _note(run: TestRun, ok: bool, text: str, seconds: float = 0.0) -> bool:
    """One more line of the log; returns `ok`."""
    if len(run.lines) < MOST_LINES:
        run.lines.append({"ok": ok, "text": text[:LONGEST_LINE].replace("\x00", "�"), "seconds": round(seconds, 2)})
        TestRun.objects.filter(pk=run.pk).update(lines=run.lines)
    return ok
