"""The glossary is what the lessons' tables of words say, and bold words lead to it."""

from __future__ import annotations

import pytest
from django.urls import reverse

from lessons import catalog, glossary
from lessons.glossary import Linker

COURSE = "containers"


@pytest.mark.parametrize("language", catalog.LANGUAGES)
def test_every_lesson_of_the_course_has_its_words(language):
    """Each lesson closes with a table of words."""
    for slug in catalog.settings_of(COURSE).entries:
        path = catalog.lesson_file(COURSE, slug, language)
        assert glossary.table(path, path.stat().st_mtime_ns), path


def test_both_languages_explain_as_much():
    """For each lesson the Chinese table has as many rows as the English one."""
    for slug in catalog.settings_of(COURSE).entries:
        sizes = set()
        for language in catalog.LANGUAGES:
            path = catalog.lesson_file(COURSE, slug, language)
            sizes.add(len(glossary.table(path, path.stat().st_mtime_ns)))
        assert len(sizes) == 1, slug


def test_the_first_explanation_counts():
    """A word that two lessons explain stands once, with the lesson that comes first."""
    terms = {term.names[0]: term for term in glossary.of(COURSE, "en")}

    assert "what-is-a-container" == terms["namespace"].lesson.slug
    assert ("control group", "cgroup") == terms["control group"].names
    assert sorted(terms, key=str.lower) == list(terms)


def test_a_word_is_linked_once_and_only_if_it_is_explained():
    """The first bold occurrence of a word, in singular or plural, becomes a link with its meaning; no other does."""
    linker = Linker(glossary.of(COURSE, "en"), "/words/")

    first = linker.link("<p><strong>Namespaces</strong> and <strong>nothing &amp; no one</strong></p>")

    assert first.startswith('<p><a class="term" href="/words/#namespace" title="a view of one part of the machine')
    assert "</strong></a> and <strong>nothing &amp; no one</strong></p>" in first
    assert "<strong>namespace</strong>" == linker.link("<strong>namespace</strong>")


def test_what_a_table_says_cannot_become_markup(tmp_path, monkeypatch):
    """A lesson's table is hostile text: in the page and in the link's title it is escaped."""
    directory = tmp_path / "c" / "one"
    directory.mkdir(parents=True)
    (directory / "lesson.md").write_text(
        '---\ntitle: One\nimage: linux\n---\n\n## A {#a}\n\nText.\n\n| word | means |\n|---|---|\n| x"y | <script>alert(1)</script> "z" |\n'
    )
    monkeypatch.setattr(catalog, "CONTENT", tmp_path)
    (term,) = glossary.of("c", "en")

    linked = Linker((term,), "/w/").link("<strong>x&quot;y</strong>")

    assert "<script>" not in term.html + linked
    assert 'title="&lt;script&gt;alert(1)&lt;/script&gt; &quot;z&quot;"' in linked


@pytest.mark.django_db
def test_the_page(client):
    """It lists every word with a link to its lesson; a course that is not there is 404."""
    page = client.get(reverse("lessons:glossary", args=[COURSE])).content.decode()

    assert 'id="namespace"' in page and reverse("lessons:show", args=[COURSE, "control-groups"]) in page
    assert 404 == client.get(reverse("lessons:glossary", args=["nowhere"])).status_code


@pytest.mark.django_db
def test_a_lesson_leads_to_it(client):
    """On the page of a lesson the new words are links."""
    page = client.get(reverse("lessons:show", args=[COURSE, "namespaces"])).content.decode()

    assert f'<a class="term" href="{reverse("lessons:glossary", args=[COURSE])}#' in page
