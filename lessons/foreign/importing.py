"""`manage.py lessons import DIRECTORY`: the report, and the conversion."""

from argparse import ArgumentParser
from pathlib import Path

from lessons.foreign import convert, report

FORMATS = {"md": report.markdown, "json": report.as_json, "junit": report.junit}


def add_arguments(parser: ArgumentParser) -> None:
    """The options of the verb."""
    parser.add_argument("--report", choices=sorted(FORMATS), default="md", help="import: the form of the report")
    parser.add_argument("--convert", type=Path, metavar="OUT", help="import: also write the lessons in our own format, here")


def run(directory: Path, form: str, out: Path | None) -> tuple[str, bool]:
    """The text to print, and whether nothing is broken."""
    found = report.read(directory)
    text = FORMATS[form](found)
    if out is not None:
        told = convert.convert(directory, out)
        if form == "md":
            text += "\n# Written in our own format\n\n" + "".join(_said(name, lost) for name, lost in told)
    return text, not found.totals["E"]


def _said(name: str, lost: list[str]) -> str:
    return f"* {name}" + ("" if lost else ": all of it") + "\n" + "".join(f"  * {what}\n" for what in lost)
