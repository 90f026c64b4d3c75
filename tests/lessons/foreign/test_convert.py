"""A scenario written in our own format: our reader and our linter find nothing wrong with it."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lessons import lint
from lessons.foreign import convert, importing
from lessons.reader import read_lesson
from tests.lessons.foreign.scenarios import FIXTURES, manifest, read


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Both repositories, converted: where, and what was lost."""
    out = tmp_path_factory.mktemp("out")
    told = dict(convert.convert(FIXTURES / "katacoda", out)) | dict(convert.convert(FIXTURES / "killercoda", out))
    return out, told


def test_what_is_written_is_a_lesson(written):
    """It reads, lints, and has the same steps, tasks, questions and commands."""
    out, told = written
    path = out / "killercoda" / "flags" / "lesson.md"

    lesson = read_lesson(path, course="killercoda", slug="flags", root=path.parent)

    assert list(lint.faults(lesson)) == []
    assert [step.id for step in lesson.steps] == ["intro", "step-1", "finish"]
    assert [run.command for run in lesson.steps[1].runs][1:] == [
        "touch /tmp/flag\ncat <<EOF > /tmp/template\n{{ .Values.name }}\nEOF", "ls /tmp", "touch /tmp/flag",
    ]  # fmt: skip
    assert lesson.steps[1].tasks[0].solution is not None
    assert {copy.to for copy in lesson.files} == {"/tools/bin/hello.sh", "/root/motto.txt"}
    assert not [what for what in told["killercoda/flags"] if what.startswith(("lint", "not "))]


def test_questions_and_pictures_are_taken_along(written):
    """The answers, too, since now the author's own file holds them."""
    out, _ = written
    directory = out / "katacoda-linux" / "first"
    lesson = read_lesson(directory / "lesson.md", course="c", slug="first", root=directory)

    assert [quiz.kind for quiz in lesson.quizzes] == ["text", "text", "many", "one"]
    assert lesson.quizzes[0].answers == (("=", "test"),)
    assert "![a drawing](pictures/linux_first_assets_dot.png)" in (directory / "lesson.md").read_text()
    assert (directory / "pictures" / "linux_first_assets_dot.png").read_bytes().startswith(b"\x89PNG")
    assert lesson.steps[1].saves[0].path == "/root/app/app.js"


def test_what_cannot_be_written_is_told(written):
    """A cluster is not written, and the report says why."""
    out, told = written

    assert told["katacoda-linux/second"] == ["not written: image kubernetes-cluster-running:1.18"]
    assert not (out / "katacoda-linux" / "second").exists()


def test_a_check_without_a_solution_is_kept_aside(tmp_path):
    """Our format proves every check; this one nobody can prove."""
    read(
        tmp_path / "in" if (tmp_path / "in").mkdir() is None else tmp_path,
        manifest(details={"steps": [{"title": "S", "text": "step.md", "verify": "v.sh"}]}),
        v_sh="test -e /x\n",
    )

    text, _ = importing.run(tmp_path / "in", "md", tmp_path / "out")

    assert "the check is left out (no solution is known); its script is unproved/step-1-check.sh" in text
    assert next((tmp_path / "out").rglob("unproved/*.sh")).read_text().count("test -e /x") == 1


def test_a_second_conversion_overwrites_nothing(written):
    """What an author has written since stays."""
    out, _ = written

    assert all("is there already" in lost[0] for name, lost in convert.convert(FIXTURES / "killercoda", out))


@pytest.mark.parametrize(
    "text",
    [
        "| a | b |\n|---|---|\n| `x`{{exec}} | 2 |", "1. one\n\n   ```\n   ls\n   ```{{exec}}\n2. two `pwd`{{exec}}", "> quote `ls`{{exec}}",
        "<table><tr><td>a</td></tr></table>", "# a\n\n## b {#c}\n\n::: x\n\n:::", "Setext\n===\n\n*a* **b** `c`` ` <kbd>Ctrl</kbd>", "---\n\ntext<br>more",
        "`^C`{{execute ctrl-seq}} and `^ESC`{{execute ctrl-seq}}", "```\n```{{exec}}", "<details>a<details>b</details></details>", "\\# not a title\n\n\\- no list\n\n1\\. no",
        "<pre>a\n\n```\nb</pre>", "top `top`{{exec}} then `ls`{{exec}}", "`touch '%{x}' \"q\"`{{exec}}", "[a]( https://example.org/(x) ) ![p](none.png)",
    ],
)  # fmt: skip
def test_any_text_is_written_rightly(tmp_path, text):
    """What we write we can read, whatever the author's markup was."""
    (tmp_path / "in").mkdir()
    lesson, _ = read(tmp_path / "in", step_md=text)

    (told,) = convert.convert(tmp_path / "in", tmp_path / "out")
    path = next((tmp_path / "out").rglob("lesson.md"))
    again = read_lesson(path, course="c", slug="s", root=path.parent)

    assert not [what for what in told[1] if what.startswith(("lint", "not "))], told
    assert [run.command for run in again.steps[0].runs if run.enter] == [run.command for run in lesson.steps[0].runs if run.enter]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(
            st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=20),
            st.sampled_from(["\n", "\n\n", "`a`{{exec}}", "```\nb\n```{{exec}}\n", "- ", "> ", "# ", "<details>", "<b>", "| a |\n|---|\n", ":::", "---\n", "[x](y)", "\\", "`", "    ", "1. ", "==="]),
        ),
        max_size=10,
    ).map("".join)
)  # fmt: skip
def test_nothing_written_is_refused_by_our_reader(tmp_path_factory, text):
    """Whatever a text is made of, our own reader takes what we wrote."""
    place = tmp_path_factory.mktemp("any")
    (place / "in").mkdir()
    read(place / "in", step_md=text)

    (told,) = convert.convert(place / "in", place / "out")

    assert not [what for what in told[1] if what.startswith("not ")], told
