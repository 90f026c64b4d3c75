"""The files of a version: names that lead nowhere else, and no more of them than fits.

What an author sends is bytes under names. Names are plain words with at most a few slashes, so
none is absolute, climbs, hides, or means two things to two systems. Nothing here is executed and
no archive is unpacked: members are read into memory, judged, and written as ordinary files.
"""

import re
import shutil
import tempfile
from pathlib import Path

from django.utils.translation import gettext as _

from lessons import editions

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,63}){0,5}")
MOST_FILES = 200
LARGEST = 1 << 20
LARGEST_IN_ALL = 4 << 20
TEXTS = {"en": "lesson.md", "zh-hans": "lesson.zh-hans.md"}
Files = dict[str, bytes]


class Refused(Exception):
    """What was sent is not taken; the text says what, and what to do."""


def judge(files: Files) -> Files:
    """The same files, if every name and size may stand; Refused otherwise."""
    if len(files) > MOST_FILES:
        raise Refused(_("There are more than %(n)s files.") % {"n": MOST_FILES})
    seen: set[str] = set()
    for name, data in files.items():
        judge_name(name)
        if name.lower() in seen:
            raise Refused(_("%(name)s is there twice, or differs only in capitals.") % {"name": name})
        seen.add(name.lower())
        if len(data) > LARGEST:
            raise Refused(_("%(name)s is larger than 1 MiB.") % {"name": name})
    if sum(map(len, files.values())) > LARGEST_IN_ALL:
        raise Refused(_("All files together are larger than 4 MiB."))
    if any(str(parent).lower() in seen for name in files for parent in Path(name).parents):
        raise Refused(_("A name is both a file and a directory."))
    return files


def judge_name(name: str) -> None:
    """A name of plain words, or Refused."""
    if not NAME.fullmatch(name) or any(part.endswith(".") for part in name.split("/")):
        shown = name.encode("ascii", "backslashreplace").decode()[:80]
        words = _("“%(name)s” is no name for a file: letters, digits, . _ - and at most five directories, and no dot in front.")
        raise Refused(words % {"name": shown})


def write(edition: str, slug: str, files: Files) -> None:
    """A new edition: all of it, or nothing."""
    place = editions.folder(edition)
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=place.parent))
    try:
        lay_out(temporary / slug, files)
        temporary.chmod(0o755)
        temporary.rename(place)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def lay_out(directory: Path, files: Files) -> None:
    """Write judged files below a directory of our own."""
    directory.mkdir(parents=True)
    for name, data in judge(files).items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def read(edition: str, slug: str) -> Files:
    """All files of an edition."""
    place = editions.folder(edition) / slug
    found = sorted(path for path in place.rglob("*") if path.is_file() and not path.is_symlink())
    return {str(path.relative_to(place)): path.read_bytes() for path in found}
