"""Courses: settings, shared scripts, one-file lessons, translations by the step, broken neighbours."""

import shutil
from pathlib import Path

import pytest

from lessons import catalog, lint
from lessons.errors import LessonErrors

CONTENT = Path(__file__).with_name("content")


@pytest.fixture
def content(tmp_path, monkeypatch):
    """A copy of the tests' courses that may be changed."""
    place = tmp_path / "content"
    shutil.copytree(CONTENT, place)
    monkeypatch.setattr(catalog, "CONTENT", place)
    return place


def test_a_course_orders_renames_and_gives_defaults(content):
    """Lessons are directories or files in the course's order; defaults reach those that say nothing."""
    whole, single = catalog.course("school").lessons

    assert (whole.slug, whole.title, whole.level, whole.minutes) == ("whole", "The whole format", "advanced", 7)
    assert (single.slug, single.title) == ("single", "A lesson in one file")
    assert catalog.get("school", "single").gate is False
    assert catalog.get("school", "whole").level == "advanced"


def test_outlines_tell_what_lessons_hold(content):
    """The quick reading finds the same steps and tasks as the whole one."""
    outline = next(each for each in catalog.course("school").lessons if each.slug == "whole")
    lesson = catalog.get("school", "whole")

    assert [(s.id, s.title, [(t.id, t.auto) for t in s.tasks]) for s in outline.steps] == [
        (s.id, s.title, [(t.id, t.auto) for t in s.tasks]) for s in lesson.steps
    ]


def test_shared_scripts_stand_before_every_check_of_their_language(content):
    """`include:` of the course reaches sh and python checks."""
    lesson = catalog.get("school", "whole")

    assert "must_hold()" in lesson.step("files").tasks[0].check.include
    assert "def shared()" in lesson.step("more").tasks[0].check.include


def test_machines_terminals_and_files_reach_the_lesson(content):
    """What the head asks for is there, with its defaults."""
    lesson = catalog.get("school", "whole")

    assert [(m.name, m.profile, m.network, m.memory >> 20) for m in lesson.machines] == [
        ("web", "nested", "lab", 64),
        ("db", "strict", "lab", 64),
    ]
    assert [(t.n, t.name) for t in lesson.terminals_of("web")] == [(1, "server"), (2, "client")]
    assert [(f.source.name, f.to, f.mode, f.owner) for f in lesson.files] == [
        ("note.txt", "/root/", 0o640, "root"),
        ("tree", "/opt/tree", None, "student"),
    ]
    assert [(s.how, s.path) for s in lesson.step("files").saves] == [
        ("file", "/root/kept.conf"),
        ("insert", "/root/kept.conf"),
        ("append", "/root/kept.conf"),
    ]


def test_conditional_text_is_there_only_where_it_applies(content):
    """:::only compares the image; what it leaves out is not in the page."""
    html = catalog.get("school", "whole").step("keys").html

    assert "For this image." in html and "For others." not in html


def test_a_step_may_open_the_next_one(content):
    """`gate=false` on a heading is the step's own, over the lesson's."""
    lesson = catalog.get("school", "whole")

    assert (lesson.gate, lesson.step("more").gate, lesson.step("keys").gate) == (True, False, None)


def test_translations_fall_back_by_the_step(content):
    """A step that is missing or another one is shown in English; one that is the same in its own words."""
    lesson = catalog.get("school", "whole", "zh-hans")

    assert lesson.title == "全部格式"
    assert [(step.id, step.language) for step in lesson.steps] == [("files", "en"), ("keys", "en"), ("more", "")]
    assert lesson.step("more").title == "来自另一个文件"
    assert lesson.machines == catalog.get("school", "whole").machines


def test_the_map_counts_the_originals_tasks_in_every_language(content):
    """A half-translated lesson has all its tasks on the map."""
    english, chinese = (catalog.course("school", language).lessons[0] for language in catalog.LANGUAGES)

    assert [task.id for task in english.tasks] == [task.id for task in chinese.tasks]
    assert (chinese.title, chinese.level, chinese.steps[2].title) == ("全部格式", "advanced", "来自另一个文件")


def test_the_linter_says_which_steps_and_tasks_differ(content):
    """Each difference at its step or task; what is not translated is only a note."""
    found = [(each.line, each.message) for each in lint.differences("school", "whole")]

    assert found == [
        (1, "steps not translated (shown in English): files"),
        (5, "step keys: tasks [] for ['far']"),
    ]


def test_a_changed_check_is_found_at_its_task(content):
    """A translation whose solution drifted is told of at the task."""
    path = content / "school" / "whole" / "lesson.zh-hans.md"
    path.write_text(path.read_text().replace("echo %{name} > python", "echo other > python"))

    assert (19, "task python: solutions differ from the original") in [
        (each.line, each.message) for each in lint.differences("school", "whole")
    ]


def test_an_edit_is_seen_and_nothing_else_is_read_again(content):
    """Files are read again when they change, scripts beside the lesson too."""
    before = catalog.get("school", "whole")
    (content / "school" / "whole" / "checks" / "kept.sh").write_text("fail again\n")
    after = catalog.get("school", "whole")

    assert catalog.get("school", "single") is catalog.get("school", "single")
    assert "fail again" in after.step("files").tasks[0].check.source
    assert before is not after


def test_a_broken_lesson_leaves_its_neighbours_alone(content, caplog):
    """One author's slip is told to her, and never takes the map down."""
    (content / "school" / "single.md").write_text("no front matter\n")
    other = content / "other" / "fine"
    other.mkdir(parents=True)
    (other / "lesson.md").write_text("---\ntitle: Fine\n---\n\n## One {#one}\n")
    (content / "bad").mkdir()
    (content / "bad" / "course.yaml").write_text("lesons: []\n")

    assert [(course.slug, [each.slug for each in course.lessons]) for course in catalog.courses()] == [
        ("other", ["fine"]),
        ("school", ["whole"]),
    ]
    assert "front matter" in caplog.text and "did you mean 'lessons'" in caplog.text
    with pytest.raises(LessonErrors):
        catalog.get("school", "single")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("lesons: [whole]", "unknown key 'lesons' in course.yaml; did you mean 'lessons'?"),
        ("lessons: [whle]", "there is no lesson 'whle'; did you mean 'whole'?"),
        ("lessons: [whole, whole]", "whole is named twice"),
        ("lessons: [../school/whole, ../../etc]", "there is no lesson '../../etc'"),
        ("include: [nowhere.sh]", "there is no file nowhere.sh"),
        ("include: [single.md]", "neither .sh nor .py"),
        ("include: [../../secret.sh]", "outside of the course's directory"),
        ("defaults: {machin: {}}", "unknown key 'machin' in front matter; did you mean 'machine'?"),
        ("defaults: {minutes: soon}", "minutes must be a whole number"),
        ("defaults: {title: All}", "title belongs to one lesson"),
        ("run-default: perhaps", "run-default is true or false"),
        ("translations: [zh]", "translations is a list of"),
    ],
)
def test_a_wrong_course_file_is_told_of_at_its_line(content, line, words):
    """course.yaml is checked like front matter, where it stands."""
    (content / "school" / "course.yaml").write_text(f"title: School\n{line}\n")

    with pytest.raises(LessonErrors) as caught:
        catalog.settings_of("school")
    assert [(each.line, words in each.message) for each in caught.value.errors] == [(2, True)]


def test_symbolic_links_lead_nowhere(content):
    """W-18: A link beside a lesson, or in a tree to copy, is refused: it may lead out of the course."""
    whole = content / "school" / "whole"
    (whole / "files" / "note.txt").unlink()
    (whole / "files" / "note.txt").symlink_to("/etc/passwd")
    (whole / "files" / "tree" / "link").symlink_to("/etc")

    with pytest.raises(LessonErrors) as caught:
        catalog.get("school", "whole")
    assert ["symbolic link" in each.message for each in caught.value.errors] == [True, True]


@pytest.mark.parametrize("name", ["../../school/course.yaml", "lesson.md", "/etc/passwd", "nowhere.png", "../../../x.png"])
def test_only_pictures_are_served(content, name):
    """W-18: Nothing but a picture of the course comes out."""
    assert catalog.picture("school", "whole", name) is None
    assert catalog.picture("school", "whole", "dot.png") == ((content / "school/whole/dot.png").read_bytes(), "image/png")


def test_a_thousand_lessons_are_read_once(tmp_path, monkeypatch):
    """The map of a large catalogue reads each file once, and never parses its Markdown."""
    for number in range(1000):
        place = tmp_path / f"c{number % 10}" / f"l{number}"
        place.mkdir(parents=True)
        (place / "lesson.md").write_text(f"---\ntitle: Lesson {number}\n---\n\n## One {{#one}}\n")
    monkeypatch.setattr(catalog, "CONTENT", tmp_path)
    monkeypatch.setattr(catalog, "read_lesson", lambda *_, **__: pytest.fail("a whole lesson was read"))
    reads: list[Path] = []
    real = catalog.outline.read
    monkeypatch.setattr(catalog.outline, "read", lambda file, *rest: reads.append(file) or real(file, *rest))

    assert [1000, 1000] == [sum(len(course.lessons) for course in catalog.courses()) for _ in range(2)]
    assert len(reads) == 1000
