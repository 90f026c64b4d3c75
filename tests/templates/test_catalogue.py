"""The Chinese catalogue and the scripts' words."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from runtime.xray.boot import PHASES

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
    """Every say("…") has its sentence in includes/strings.html or in one of the templates it includes."""
    page = "".join(path.read_text() for path in (ROOT / "templates/includes").glob("*strings.html"))
    keys = set(re.findall(r'data-key="([\w-]+)"', page))
    said = set()
    for script in (ROOT / "static/js").rglob("*.js"):
        said |= set(re.findall(r'say\("([\w-]+)"', script.read_text()))

    assert said - keys == set()


def test_no_page_has_an_inline_script():
    """The content security policy runs scripts from files only; an import map is none, and bears the page's nonce."""
    inline = re.compile(r"""<script(?![^>]*\bsrc=)(?! type="importmap" nonce="{{ request.csp_nonce }}">)|\son\w+=""", re.I)
    found = [page.name for page in (ROOT / "templates").rglob("*.html") if inline.search(page.read_text())]

    assert found == []


def steps_of(*sources: str) -> dict[str, str]:
    """Name → description of every step that these modules write down; of a description with names in it, the words before."""
    found = {}
    for source in sources:
        for call in ast.walk(ast.parse((ROOT / source).read_text())):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") in ("Step", "_inside"):
                name, text = call.args[:2]
                words = text.values[0] if isinstance(text, ast.JoinedStr) else text
                if isinstance(name, ast.Constant) and isinstance(words, ast.Constant):
                    found[name.value] = words.value.removesuffix(" to ").removesuffix(": ")
    return found


def test_every_step_of_a_making_is_told_in_the_readers_language():
    """A new step of the plan, or a new phase of a machine's start, needs its sentence in includes/step_strings.html."""
    page = (ROOT / "templates/includes/step_strings.html").read_text()
    told = dict(re.findall(r'data-key="step-([\w-]+)">\{% translate "(.+?)" %\}', page))
    steps = steps_of("runtime/container/birth.py", "runtime/container/inside.py")
    phases = {f"machine-{name}": words[0] for name, words in PHASES.items()}

    assert len(steps) > 25
    assert {} == {name: text for name, text in (steps | phases).items() if told.get(name) != text}


def test_every_step_of_a_mix_is_in_the_catalogue():
    """The mixer's steps are translated on the server, by their own words."""
    steps = steps_of("runtime/mix/making.py")
    for source in ("making", "fences"):
        text = (ROOT / f"runtime/mix/{source}.py").read_text()
        steps |= dict(re.findall(r'(?:self\.do\(|, )"([a-z-]+)", f?"([^":]+)[^"]*", "[a-z_]+\(\d\)"', text))

    assert len(steps) >= 12
    assert set(steps.values()) - set(entries()) == set()
