"""What is wrong with a draft: the linter of `manage.py lessons check`, asked for one folder.

Only read, never run: shellcheck is left to the command line, and checks to sandboxes.
"""

import tempfile
from pathlib import Path
from typing import Any

from labsite.desk import folders
from labsite.desk.folders import TEXTS, Files
from labsite.labs import gateway, recipe
from lessons import catalog, editions, lint, translation
from lessons.catalog import Lesson
from lessons.courses import Entry, Settings
from lessons.errors import LessonError, LessonErrors, LessonNote

MOST = 200


def find(slug: str, files: Files) -> list[dict[str, Any]]:
    """Every fault and note: file, line, message, kind; what stops publishing is of kind fault."""
    with tempfile.TemporaryDirectory(prefix="vitrine-desk-") as place:
        home = Path(place) / slug
        folders.lay_out(home, files)
        entry = Entry(slug, home, root=Path(place))
        return [_said(each, home) for each in _faults(Settings(editions.COURSE, Path(place), {slug: entry}), slug)][:MOST]


def stops(found: list[dict[str, Any]]) -> bool:
    """Is there a fault among them?"""
    return any(each["kind"] == "fault" for each in found)


def title_of(files: Files) -> str:
    """The title in the front matter, for lists; empty if it cannot be read."""
    from lessons.errors import Faults
    from lessons.frontmatter import split

    text = files.get("lesson.md", b"").decode("utf-8", "replace")
    return str(split(text, Faults(Path("lesson.md")))[0].data.get("title") or "")[:200]


def _faults(settings: Settings, slug: str) -> list[LessonError]:
    found: list[LessonError] = []
    read: dict[str, Lesson] = {}
    for language, name in TEXTS.items():
        path = settings.entries[slug].file(language)
        if not path.exists():
            found += [LessonError(path, 1, "there is no such file")] if name == "lesson.md" else []
            continue
        try:
            read[language] = lesson = catalog.read_file(settings, slug, language)
        except LessonErrors as errors:
            found += errors.errors
            continue
        found += lint.faults(lesson)
        found += [LessonError(lesson.path, 1, why) for why in recipe.refusals(lesson)]
        missing = {each.image for each in lesson.machines if not gateway.has_image(recipe.image_for(each.image))}
        found += [LessonNote(lesson.path, 1, f"this server has no image {image!r}") for image in sorted(missing)]
    if len(read) == len(TEXTS):
        found += translation.differences(read["en"], read["zh-hans"])
    return found


def _said(fault: LessonError, home: Path) -> dict[str, Any]:
    name = str(fault.file.relative_to(home)) if fault.file.is_relative_to(home) else fault.file.name
    message = fault.message.replace(f"{home}/", "").replace(f"{home.parent}/", "")
    kind = "note" if isinstance(fault, LessonNote) else "fault"
    return {"file": name, "line": fault.line, "message": message, "kind": kind}
