"""manage.py lessons check | test: what an author runs before showing a lesson to anybody.

`check` reads every lesson and names each fault with file and line. `test` also plays the
lessons in real sandboxes (see labsite.labs.trial); it needs a spawner, and starts one of its
own when none runs and it is root.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from labsite.labs import checks, gateway
from labsite.labs.trial import Outcome, Trial
from labsite.labs.typist import TypingError
from lessons import catalog, lint
from lessons.catalog import Lesson
from lessons.errors import LessonErrors

# how a node can fail us; the report of what was proved so far is still written
NODE_ERRORS = (
    checks.SetupFailed,
    TypingError,
    gateway.GatewayError,
    gateway.SpawnerUnavailable,
    gateway.RuntimeRefused,
)


class Command(BaseCommand):
    """Check and test lessons."""

    help = "check the lessons' files, or test them in real sandboxes"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["check", "test"])
        parser.add_argument("lessons", nargs="*", help="course/lesson; all by default")
        parser.add_argument("--language", choices=catalog.LANGUAGES, help="only this language")
        parser.add_argument("--seed", default="1", help="draws the values of %%{name} variables")
        parser.add_argument("--json", action="store_true", help="one JSON object a line")
        parser.add_argument("--junit", type=Path, help="write a JUnit XML report here")

    def handle(self, *args: Any, **options: Any) -> None:
        lessons = self._read(options)
        if options["action"] == "test":
            with spawner():
                self._test(lessons, options)
        else:
            self.stdout.write(f"{len(lessons)} lesson files are in order")

    def _read(self, options: dict[str, Any]) -> list[Lesson]:
        """Every wanted lesson, or all faults of all of them."""
        lessons, faults = [], []
        for course, slug in wanted(options["lessons"]):
            for language in [options["language"]] if options["language"] else catalog.LANGUAGES:
                try:
                    lesson = catalog.get(course, slug, language)
                    faults += [str(fault) for fault in lint.faults(lesson)]
                    lessons.append(lesson)
                except LessonErrors as errors:
                    faults += [str(error) for error in errors.errors]
            faults += [str(fault) for fault in lint.differences(course, slug)] if not faults else []
        if faults:
            raise CommandError("\n".join(faults))
        return lessons

    def _test(self, lessons: list[Lesson], options: dict[str, Any]) -> None:
        outcomes: list[tuple[Lesson, Outcome]] = []
        for lesson in lessons:

            def report(outcome: Outcome, lesson: Lesson = lesson) -> None:
                outcomes.append((lesson, outcome))
                self._show(lesson, outcome, options["json"])

            try:
                Trial(lesson, options["seed"], report).run()
            except NODE_ERRORS as error:
                report(Outcome(False, "", "machine", "prepare", str(error)))
        if options["junit"]:
            options["junit"].write_bytes(junit(outcomes))
        failed = sum(not outcome.ok for _, outcome in outcomes)
        if failed or not outcomes:
            raise CommandError(f"{failed} of {len(outcomes)} proofs failed")
        self.stdout.write(f"{len(outcomes)} proofs hold")

    def _show(self, lesson: Lesson, outcome: Outcome, as_json: bool) -> None:
        if as_json:
            where = {"lesson": f"{lesson.course}/{lesson.slug}", "language": lesson.language}
            self.stdout.write(json.dumps(where | vars(outcome), ensure_ascii=False))
            return
        mark = self.style.SUCCESS("ok  ") if outcome.ok else self.style.ERROR("FAIL")
        name = f"{lesson.slug} {lesson.language} {outcome.step} {outcome.part} {outcome.act}"
        self.stdout.write(f"{mark} {name} ({outcome.seconds:.1f} s) -> {outcome.detail}")


def wanted(names: list[str]) -> list[tuple[str, str]]:
    """The lessons meant by `course/lesson` arguments; all of them without any."""
    if not names:
        return [(path.parent.parent.name, path.parent.name) for path in lesson_files()]
    found = [(course, slug) for course, _, slug in (name.rpartition("/") for name in names)]
    known = {(path.parent.parent.name, path.parent.name) for path in lesson_files()}
    for course, slug in found:
        if (course, slug) not in known:
            raise CommandError(f"no lesson {course}/{slug}")
    return found


def lesson_files() -> list[Path]:
    """The English file of every lesson."""
    return sorted(catalog.CONTENT.glob("*/*/lesson.md"))


@contextmanager
def spawner() -> Iterator[None]:
    """Use the spawner that runs, or one of our own for as long as this lasts."""
    if gateway.ping():
        yield
        return
    if os.geteuid() != 0:
        raise CommandError("no spawner runs: start the site first, or run this as root")
    before = os.environ.get("VITRINE_RUN")
    with tempfile.TemporaryDirectory(prefix="vitrine-lessons-") as run:
        os.environ["VITRINE_RUN"] = run
        try:
            with _own_spawner():
                yield
        finally:
            os.environ.pop("VITRINE_RUN")
            if before is not None:
                os.environ["VITRINE_RUN"] = before


@contextmanager
def _own_spawner() -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-m", "runtime.spawner", "--foreground"], cwd=settings.BASE_DIR
    )
    try:
        for _ in range(100):
            if gateway.ping():
                break
            if process.poll() is not None:
                raise CommandError(f"the spawner ended with status {process.returncode}")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def junit(outcomes: list[tuple[Lesson, Outcome]]) -> bytes:
    """The report as JUnit XML, which every CI can show."""
    suite = ElementTree.Element("testsuite", name="lessons", tests=str(len(outcomes)))
    for lesson, outcome in outcomes:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=f"{lesson.course}.{lesson.slug}.{lesson.language}",
            name=f"{outcome.step} {outcome.part} {outcome.act}",
            time=f"{outcome.seconds:.3f}",
        )
        if not outcome.ok:
            ElementTree.SubElement(case, "failure", message=outcome.detail)
    return ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
