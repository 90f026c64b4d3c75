"""The catalogue and the lessons that ship."""

import pytest

from lessons import catalog, lint
from lessons.errors import LessonNotFound

LESSONS = [(path.parent.parent.name, path.parent.name) for path in catalog.CONTENT.glob("*/*/lesson.md")]


@pytest.mark.parametrize(("course", "slug"), LESSONS)
@pytest.mark.parametrize("language", catalog.LANGUAGES)
def test_every_lesson_is_in_order(course, slug, language):
    """No fault, no lint, in any language."""
    lesson = catalog.get(course, slug, language)

    assert [str(fault) for fault in lint.faults(lesson)] == []
    assert lesson.language == language


@pytest.mark.parametrize(("course", "slug"), LESSONS)
def test_translations_are_the_same_lesson(course, slug):
    """Same steps, tasks, commands, solutions; only words differ."""
    assert [str(fault) for fault in lint.differences(course, slug)] == []


@pytest.mark.parametrize(("course", "slug"), LESSONS)
def test_every_task_shows_two_wrong_ways(course, slug):
    """A check is trusted when it has been seen to refuse."""
    assert all(len(task.wrongs) >= 2 for task in catalog.get(course, slug).tasks)


def test_courses_are_listed_in_a_language():
    """Titles are translated; every lesson of course.yaml is there."""
    english, chinese = catalog.courses("en"), catalog.courses("zh-CN")

    assert english[0].title == "Containers and virtual machines"
    assert chinese[0].title == "容器与虚拟机"
    assert [lesson.slug for lesson in english[0].lessons] == [x.slug for x in chinese[0].lessons]


@pytest.mark.parametrize("names", [("containers", "nothing"), ("..", "x"), ("containers", "../x"), ("", "")])
def test_unknown_names_are_not_found(names):
    """Nothing outside the content directory can be named."""
    with pytest.raises(LessonNotFound):
        catalog.get(*names)


def test_a_seed_gives_the_lesson_of_one_attempt():
    """No declared variable is left in what that attempt sees."""
    lesson = catalog.get("containers", "namespaces", seed="abc")

    assert "%{name}" not in "".join(step.html for step in lesson.steps)
    assert lesson.values("abc")["name"] in lesson.step("uts").html
