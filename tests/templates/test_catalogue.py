"""The Chinese catalogue and the scripts' words."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "locale/zh_Hans/LC_MESSAGES/django.po"
BRACES = re.compile(r"\{\w+\}|%\(\w+\)s")


def entries() -> dict[str, str]:
    """Every sentence of the catalogue with its translation; of a plural, the first form."""
    text = re.sub(r'"\n"', "", CATALOGUE.read_text())
    return dict(re.findall(r'^msgid "(.+)"\n(?:msgid_plural ".*"\n)?msgstr(?:\[0\])? "(.*)"', text, re.M))


def test_every_sentence_is_translated():
    """No sentence of a page is left in English."""
    assert [source for source, translation in entries().items() if not translation] == []


def test_translations_keep_the_places_to_fill():
    """{n} and %(n)s are in both languages, or a number would be lost."""
    assert [s for s, t in entries().items() if set(BRACES.findall(s)) != set(BRACES.findall(t))] == []


def test_every_sentence_of_a_template_is_in_the_catalogue():
    """A new sentence in a template needs an entry."""
    known = {re.sub(r'\\"', '"', source) for source in entries()}
    used = set()
    for template in (ROOT / "templates").rglob("*.html"):
        used |= {found for _, found in re.findall(r"""\{% translate (["'])(.*?)\1""", template.read_text())}

    assert used - known == set()


def test_scripts_say_only_what_the_page_has_words_for():
    """Every say("…") has its sentence in includes/strings.html or includes/xray_strings.html."""
    page = "".join((ROOT / "templates/includes" / name).read_text() for name in ("strings.html", "xray_strings.html"))
    keys = set(re.findall(r'data-key="([\w-]+)"', page))
    said = set()
    for script in (ROOT / "static/js").rglob("*.js"):
        said |= set(re.findall(r'say\("([\w-]+)"', script.read_text()))

    assert said - keys == set()


def test_no_page_has_an_inline_script():
    """The content security policy runs scripts from files only."""
    inline = re.compile(r"<script(?![^>]*\bsrc=)|\son\w+=", re.I)
    found = [page.name for page in (ROOT / "templates").rglob("*.html") if inline.search(page.read_text())]

    assert found == []
