"""Each construct of a scenario, in every dialect, and what it becomes in our lesson."""

import pytest

from lessons import features
from lessons.elements import Editor, Port
from lessons.foreign import assets, build, images, report, scripts
from tests.lessons.foreign.scenarios import FIXTURES, manifest, read


@pytest.fixture(scope="module")
def lessons():
    """Every fixture by `repository/path`, on a site that has an editor and previews of ports."""
    found = {}
    patch = pytest.MonkeyPatch()
    patch.setattr(features, "MISSING", {})
    for repository in ("katacoda", "killercoda", "mixed"):
        for entry in report.read(FIXTURES / repository).entries:
            found[f"{repository}/{entry.path}"] = entry
    patch.undo()
    return found


def test_a_katacoda_scenario(lessons):
    """courseData, code, answer, credits, client assets, iframe port, editor and its message."""
    entry = lessons["katacoda/linux/first"]
    lesson = entry.lesson

    assert (lesson.title, lesson.level, lesson.minutes) == ("Files and flags", "beginner", 15)
    assert [step.id for step in lesson.steps] == ["intro", "step-1", "step-2", "finish"]
    assert "touch /tmp/prepared" in lesson.setup and "\x1b[32mWelcome" in lesson.setup
    assert "export LESSON_COLOUR=green" in lesson.foreground
    assert lesson.editor == Editor("/root/app", ("app.js",))
    assert lesson.ports == (Port("App", 8080),)
    assert [(copy.source.name, copy.to, copy.mode) for copy in lesson.files] == [
        ("tool.sh", "/usr/local/bin/tool.sh", 0o755),
        ("a.conf", "/root/conf/a.conf", 0o644),
    ]
    assert (entry.grade, entry.image) == ("A", "ubuntu:2004 → linux")


def test_texts_of_a_katacoda_scenario(lessons):
    """Pictures, ports, files to save, a solution, questions, credits."""
    intro, first, second, _ = lessons["katacoda/linux/first"].lesson.steps

    assert 'src="/lessons/katacoda-linux/first/files/linux/first/assets/dot.png"' in intro.html
    assert '<a href="https://example.org"' in intro.html
    assert 'data-lab="port/8080/status"' in first.html
    assert (first.saves[0].path, first.saves[0].content) == ("/root/app/app.js", 'if (1 < 2) console.log("localhost");\n')
    assert 'data-run="touch /tmp/made"' in first.solution_html
    assert [quiz.kind for quiz in second.quizzes] == ["text", "text", "many", "one"]


def test_a_killercoda_scenario(lessons):
    """background, foreground and verify of a step; patterns keep paths, names do not."""
    lesson = lessons["killercoda/flags"].lesson
    intro, step, _ = lesson.steps

    assert "cp /root/motto.txt /tmp/motto" in lesson.setup
    assert lesson.foreground.startswith("export FLAG_PLACE")
    assert len(step.setup) == 1 and "touch /tmp/step1-opened" in step.setup[0]
    assert step.foreground == 'echo "step one"\n'
    assert not intro.setup and not intro.foreground, "they are the lesson's own, for whoever comes back later"
    assert [task.id for task in step.tasks] == ["step-1-check"] and 'data-task="step-1-check"' in step.html
    assert {(copy.to, copy.mode) for copy in lesson.files} == {("/tools/bin/hello.sh", 0o644), ("/root/motto.txt", 0o600)}
    assert "<h2>A flag" not in intro.html, "a heading that repeats the title of the page goes"


def test_a_challenge_checks_by_itself(lessons):
    """O'Reilly's index.yaml, its hint, and the image an operator may not have."""
    entry = lessons["mixed/challenge"]
    step = entry.lesson.steps[1]

    assert step.tasks[0].auto and "data-auto" in step.html
    assert '<details class="hint"><summary>Hint</summary>' in step.html
    assert entry.grade == ("D" if "docker" not in images.installed() else "A")


def test_keys_at_odd_levels(lessons):
    """finish and assets at the root, difficulty in details; a second machine because something is for it."""
    lesson = lessons["mixed/sber"].lesson

    assert [machine.name for machine in lesson.machines] == ["ubuntu", "host02"]
    assert {machine.network for machine in lesson.machines} == {"lab"}
    assert [copy.machine for copy in lesson.files] == ["host02"]
    assert lesson.steps[0].runs[0].machine == "host02"
    assert (lesson.level, lesson.minutes, lesson.steps[-1].id, lesson.terminals) == ("advanced", 60, "finish", 2)


def test_what_has_no_meaning_here_is_told(lessons):
    """Ignored keys with their line."""
    notes = [str(note) for note in lessons["mixed/sber"].notes]

    assert "sber/index.json:3: ignored: environment.showvisualise" in notes
    assert "sber/index.json:4: not available here: backend.userid" in notes


def test_a_cluster_is_only_read(lessons):
    """The lesson is there, with the reason why it has no sandbox."""
    entry = lessons["katacoda/linux/second"]

    assert entry.grade == "D" and "kubernetes-cluster-running" in entry.lesson.unavailable
    assert 'data-run="kubectl get pods"' in entry.lesson.steps[0].html


def test_a_machine_without_steps_has_a_page(lessons):
    """`backend` alone is a scenario."""
    assert [step.id for step in lessons["killercoda/more/plain"].lesson.steps] == ["intro"]


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        ("ubuntu", "linux"), ("ubuntu:2004", "linux"), ("ubuntu-4GB", "linux"), ("ubuntu1904", "linux"), ("bash", "linux"),
        ("docker", "docker"), ("kubernetes-kubeadm-1node", ""), ("openshift-4-7", ""), ("rhel8-4", ""), ("minikube", ""),
        ("nodejs:12", ""), ("ubuntu-kubernetes", ""), ("../../x", ""),
    ],
)  # fmt: skip
def test_images(wanted, taken):
    """The alias table; nothing else is guessed."""
    assert images.choose(wanted, frozenset({"linux", "docker"})).image == taken


@pytest.mark.parametrize(
    ("chmod", "mode"),
    [
        ("", 0o644),
        ("+x", 0o755),
        ("777", 0o777),
        ("0750", 0o750),
        ("+w", 0o666),
        ("u+x,go-r", 0o700),
        ("a=r", 0o444),
        ("odd", 0o644),
    ],
)
def test_permissions(chmod, mode):
    """What chmod(1) takes."""
    assert assets.mode(chmod, 0o100644) == mode


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("*", "a.txt", True), ("*", "d/a.txt", False), ("terraform/*", "terraform/x.tf", True), ("tools/**/*", "tools/bin/x", True),
        ("tools/**/*", "tools/x", True), ("**", "a/b/c", True), ("*.yaml", "a.yml", False), ("app*/**/*.*", "app1/a/b.c", True),
    ],
)  # fmt: skip
def test_patterns(pattern, name, matches):
    """`*` stays in a directory, `**` does not."""
    assert bool(assets.glob(pattern).fullmatch(name)) == matches


@pytest.mark.parametrize(
    ("script", "must"),
    [
        ("if [ -f x ]; then echo done; fi", True), ('[ -f x ] && echo "done"', True), ("printf 'done\\n'", True),
        ("if [ -f x ]; then echo done; else exit 1; fi", False), ("test -f x", False), ("# echo done\ntrue", False),
        ("echo not done", False), ("echo 'done with it'", False), ("for i in 1; do echo $i; done", False),
    ],
)  # fmt: skip
def test_the_older_rule_of_done(script, must):
    """Only a script that prints `done` and could not fail otherwise has to print it."""
    assert scripts.must_say_done(script) == must


@pytest.mark.parametrize(
    ("words", "number"), [("10-15 minutes", 15), ("1 hour", 60), ("1.5 hours", 90), ("30", 30), ("", 15), ("soon", 15), ("0", 15)]
)
def test_times(words, number):
    """The largest number named."""
    assert build.minutes(words) == number


@pytest.mark.parametrize(
    ("words", "level"),
    [
        ("Beginner", "beginner"),
        ("Intermediate", "intermediate"),
        ("Hard!", "advanced"),
        ("", "beginner"),
        ("medium", "intermediate"),
    ],
)
def test_levels(words, level):
    """Our three."""
    assert build.level(words) == level


def test_a_missing_text_is_told_in_the_page_too(tmp_path):
    """The step stays, marked, and the report names the file and the line."""
    lesson, notes = read(tmp_path, manifest(details={"steps": [{"title": "A", "text": "gone.md"}]}))

    assert "missing: gone.md" in lesson.steps[0].html
    assert [str(note) for note in notes.notes] == ["s/index.json:7: broken: text gone.md does not exist"]


def test_hidden_sections_are_left_out(tmp_path):
    """hideintro and hidefinish."""
    told = manifest(
        details={"intro": {"text": "step.md"}, "finish": {"text": "step.md"}}, environment={"hideintro": True, "hidefinish": True}
    )

    assert [step.id for step in read(tmp_path, told)[0].steps] == ["step-1"]


def test_the_internet_is_told_where_it_is_needed(tmp_path):
    """File and line of the first command that asks for it."""
    _, notes = read(tmp_path, manifest(details={"intro": {"background": "b.sh"}}), b_sh="#!/bin/sh\n\napt-get -y install jq\n")

    assert [str(note) for note in notes.notes] == ["s/b.sh:3: not available here: may need the internet: apt-get -y install"]
