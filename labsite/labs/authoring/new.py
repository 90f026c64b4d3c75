"""lessons new: a lesson that is small, complete, and passes both `check` and `test`."""

import re
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from lessons import catalog

HELP = "write a small lesson that passes check and test, to be changed into yours"
NAME = re.compile(r"([a-z0-9][a-z0-9-]*)/([a-z0-9][a-z0-9-]*)")
SCAFFOLDS = Path(__file__).with_name("scaffolds")


def add_arguments(parser: ArgumentParser) -> None:
    """The new lesson's place and title."""
    parser.add_argument("name", metavar="COURSE/LESSON")
    parser.add_argument("--title", help="its title (default: from its name)")


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    """Write the files; nothing that exists is touched."""
    match = NAME.fullmatch(options["name"])
    if not match:
        raise CommandError(f"{options['name']!r} is not course/lesson, in lower-case letters, digits and -")
    course, slug = match.groups()
    title = options["title"] or slug.replace("-", " ").capitalize()
    directory = catalog.CONTENT / course / slug
    if directory.exists():
        raise CommandError(f"{directory} exists already")
    directory.mkdir(parents=True)
    for language in catalog.LANGUAGES:
        name = "lesson.md" if language == "en" else f"lesson.{language}.md"
        text = (SCAFFOLDS / name).read_text(encoding="utf-8").replace("TITLE", title.replace('"', "”"))
        (directory / name).write_text(text, encoding="utf-8")
        command.stdout.write(str(directory / name))
    if note := _unlisted(catalog.CONTENT / course / "course.yaml", slug):
        command.stdout.write(note)
    command.stdout.write(f"next: manage.py lessons preview {course}/{slug}")


def _unlisted(path: Path, slug: str) -> str:
    """A course with a list of lessons shows only those: its author decides where the new one stands."""
    if not path.exists() or not re.search(r"(?m)^lessons:", path.read_text(encoding="utf-8")):
        return ""
    return f"add {slug} under lessons: in {path}"
