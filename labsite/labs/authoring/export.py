"""lessons export: the lessons as pages to read without this site, and the plain folder beside them.

What outlives every platform is files. The pages hold text, code and expected output, solutions
folded; they need no script and no server.
"""

import html
import shutil
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from labsite.labs.authoring import selection
from lessons import catalog
from lessons.catalog import Lesson
from lessons.words import word

HELP = "write the lessons as static pages, with their sources"
STYLES = ("tokens.css", "base.css", "prose.css", "pages.css")


def add_arguments(parser: ArgumentParser) -> None:
    """Which lessons, and where to."""
    selection.add_arguments(parser)
    parser.add_argument("--to", type=Path, required=True, metavar="DIRECTORY", help="a directory that does not exist yet")
    parser.add_argument("--seed", default="1", help="draws the values of %%{name} variables")


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    """Write the whole tree; lessons with faults are not exported."""
    found = selection.read(options)
    if found.faults:
        raise CommandError("\n".join(map(str, found.faults)))
    target = options["to"]
    if target.exists():
        raise CommandError(f"{target} exists already")
    (target / "css").mkdir(parents=True)
    for name in STYLES:
        shutil.copy(settings.BASE_DIR / "static" / "css" / name, target / "css" / name)
    for lesson in found.lessons:
        write(catalog.get(lesson.course, lesson.slug, lesson.language, seed=options["seed"]), target)
    (target / "index.html").write_text(contents(found.lessons), encoding="utf-8")
    command.stdout.write(f"{len(found.lessons)} pages in {target}")


def write(lesson: Lesson, target: Path) -> None:
    """One page, its pictures, and the lesson's own directory."""
    place = target / lesson.course / lesson.slug
    place.mkdir(parents=True, exist_ok=True)
    body = page_body(lesson).replace(f"/lessons/{lesson.course}/{lesson.slug}/files/", "source/")
    (place / name_of(lesson)).write_text(document(lesson.title, lesson.language, body, "../../"), encoding="utf-8")
    source = place / "source"
    if not source.exists():
        shutil.copytree(lesson.path.parent, source, symlinks=True, ignore=_not_ours)


def _not_ours(directory: str, names: list[str]) -> set[str]:
    """Links are left out: they would lead out of the folder."""
    return {name for name in names if (Path(directory) / name).is_symlink()}


def name_of(lesson: Lesson) -> str:
    """The file of a lesson in its language."""
    return "index.html" if lesson.language == "en" else f"index.{lesson.language}.html"


def page_body(lesson: Lesson) -> str:
    """The text of a lesson, its solutions folded."""
    parts = [f"<h1>{html.escape(lesson.title)}</h1>", f'<p class="lead">{html.escape(lesson.summary)}</p>', lesson.intro_html]
    for step in lesson.steps:
        mark = f' lang="{step.language}"' if step.language else ""
        parts.append(f'<section class="step" id="{step.id}"{mark}><h2>{html.escape(step.title)}</h2>{step.html}')
        if step.solution_html and lesson.solutions != "instructor":
            summary = word("solution", lesson.language)
            parts.append(f'<details class="solution"><summary>{summary}</summary>{step.solution_html}</details>')
        parts.append("</section>")
    return f'<article class="lesson"><div class="prose readonly">{"".join(parts)}</div></article>'


def contents(lessons: list[Lesson]) -> str:
    """The list of all pages."""
    links = [(f"{each.course}/{each.slug}/{name_of(each)}", each.language, html.escape(each.title)) for each in lessons]
    rows = [f'<li><a href="{link}" lang="{language}">{title}</a></li>' for link, language, title in links]
    body = f'<article class="lesson"><div class="prose"><h1>Lessons</h1><ul>{"".join(rows)}</ul></div></article>'
    return document("Lessons", "en", body, "")


def document(title: str, language: str, body: str, up: str) -> str:
    """A whole page. Its policy lets nothing run."""
    styles = "".join(f'<link rel="stylesheet" href="{up}css/{name}">' for name in STYLES)
    policy = "default-src 'none'; style-src 'self' 'unsafe-inline' file:; img-src 'self' data: file:"
    return (
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{html.escape(title)}</title>{styles}</head>'
        f"<body><main>{body}</main></body></html>\n"
    )
