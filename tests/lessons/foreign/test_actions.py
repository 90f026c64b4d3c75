"""Each construct of a text, and what it becomes."""

import pytest

from lessons import features
from tests.lessons.foreign.scenarios import commands, rendered


@pytest.fixture(autouse=True)
def whole(monkeypatch):
    """A site that has an editor and previews of ports."""
    monkeypatch.setattr(features, "MISSING", {})


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("`ls`{{execute}}", 'data-run="ls" data-terminal="1"'),
        ("`ls`{{exec}}", 'data-run="ls" data-terminal="1"'),
        ("`ls`{{execute T2}}", 'data-run="ls" data-terminal="2"'),
        ("`ls`{{execute t2}}", 'data-run="ls" data-terminal="2"'),
        ('`ls`{{execute "T2"}}', 'data-run="ls" data-terminal="2"'),
        ("`ls` {{ execute T3 }}", 'data-run="ls" data-terminal="3"'),
        ("`ls`{{exec interrupt T2}}", 'data-run="ls" data-terminal="2" data-interrupt'),
        ("`ls`{{execute T2 interrupt}}", 'data-run="ls" data-terminal="2" data-interrupt'),
        ("`ls`{{exec no-newline}}", 'data-run="ls" data-terminal="1" data-no-enter'),
        ("`^C`{{execute ctrl-seq}}", 'data-run="\x03" data-terminal="1" data-no-enter'),
        ("`^ESC`{{execute ctrl-seq}}", 'data-run="\x1b" data-terminal="1" data-no-enter'),
        ("`ls`{{execute HOST2}}", 'data-run="ls" data-terminal="1" data-machine="host02"'),
        ("`ls`{{execute MASTER}}", 'data-run="ls" data-terminal="1"'),
        ("`ls`{{copy}}", 'data-copy="ls"'),
        ("`ls`{{ecopy}}", 'data-copy="ls"'),
        ("`app.js`{{open}}", 'data-lab="file/root/app.js"'),
        ("`/etc/hosts`{{open}}", 'data-lab="file/etc/hosts"'),
        ("[x]({{TRAFFIC_HOST1_80}}/a?b=1)", 'data-lab="port/80/a?b=1"'),
        ("{{TRAFFIC_HOST1_8080}}", 'data-lab="port/8080/"'),
        ("{{TRAFFIC_SELECTOR}}", 'data-lab="port/80/"'),
        ("https://[[HOST_SUBDOMAIN]]-8080-[[KATACODA_HOST]].environments.katacoda.com/x", 'data-lab="port/8080/x"'),
        ("https://[[CLIENT_SUBDOMAIN]]-30-[[KATACODA_HOST]].[[KATACODA_DOMAIN]]", 'data-lab="port/30/"'),
        ('<a href="{{TRAFFIC_HOST1_81}}">x</a>', 'data-lab="port/81/"'),
    ],
)
def test_what_an_action_becomes(text, data):
    """The same elements as in a lesson of our own, which the page's scripts know."""
    assert data in rendered(text, machines=2)[0].html


@pytest.mark.parametrize("text", ["`ls`{{}}", "`ls`", "`{{ item }}`", "`ls` {{ .Values.x }}", "<pre>`ls`{{exec}}</pre>"])
def test_what_is_no_action(text):
    """Braces inside code, after other words, or inside pre are left alone."""
    html = rendered(text)[0].html

    assert "data-run" not in html and "data-copy" not in html


def test_addresses_in_commands_are_those_of_the_inside():
    """A command is run in the machine, where a port is localhost."""
    assert commands("`curl {{TRAFFIC_HOST1_80}}/x [[HOST_IP]]`{{exec}}") == ["curl http://localhost:80/x localhost"]


def test_a_port_that_cannot_be_is_no_link():
    """A link that does nothing would be found by a learner: the words stay, and the report says why."""
    found, notes = rendered("a\n\n[x]({{TRAFFIC_HOST1_80800}}/)")

    assert "data-lab" not in found.html
    assert [message for _, message in notes] == ["there is no port 80800"]


def test_a_misspelt_verb_is_told():
    """It becomes copy, and the report says so with the line."""
    assert rendered("one\n\n`ls`{{exeute}}\n")[1] == [(3, "{{exeute}} is no action; taken for copy")]


def test_a_second_machine_that_is_not_there_is_told():
    """HOST2 in a lesson of one machine goes to the first, and is in the report."""
    assert rendered("`ls`{{execute HOST2}}")[1] == [(1, "HOST2: this lesson has 1 machine(s)")]


def test_the_page_after_a_fence_with_braces_is_not_code():
    """The trap: CommonMark knows no closing fence with braces."""
    found = rendered("```bash\ntouch /tmp/a\n```{{exec}}\n\n# After\n\n```\nplain\n```\n")[0]

    assert [action.command for action in found.actions] == ["touch /tmp/a"]
    assert "<h2>After</h2>" in found.html and 'data-copy="plain"' in found.html


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```\na\nb\n```{{exec}}\n", ["a\nb"]),
        ("~~~\na\n~~~{{exec}}\n", ["a"]),
        ("````\na\n```{{execute}}\n", ["a"]),
        ("```import x\nfoo\n```{{execute}}\n", ["import x\nfoo"]),
        ("```\na\nb```{{execute}}\n", ["a\nb"]),
        ("```NAME  STATUS\nclaim1 Bound```\n\n`ls`{{exec}}\n", ["ls"]),
        ("```yaml{2,5,6}\na: 1\n```{{exec}}\n", ["a: 1"]),
        ("- item\n\n  ```\n  a\n  ```{{exec}}\n", ["a"]),
        ("> ```\n> a\n> ```{{exec}}\n", ["a"]),
        ("<details><br>\n```\na\n```{{exec}}\n</details>\n", ["a"]),
        ("```a```{{exec}}\n", ["a"]),
        ("```\ncat <<E\n{{ .Values.x }}\nE\n```{{exec}}\n", ["cat <<E\n{{ .Values.x }}\nE"]),
        ("````\n```bash\nshown\n```{{exec}}\n````\n\n`real`{{exec}}\n", ["real"]),
        ("```\r\na\r\n```{{exec}}\r\n".replace("\r\n", "\n"), ["a"]),
    ],
)
def test_fences_as_authors_write_them(text, expected):
    """A shorter close, code on the opening line, a close at the end of a line, lists, HTML around."""
    assert commands(text) == expected


def test_details_keep_what_is_in_them():
    """Solutions of Killercoda are details with fences inside."""
    html = rendered("<details><summary>Solution</summary>\n```\nls\n```{{exec}}\n</details>\n\nafter\n")[0].html

    assert (
        html.index("<summary>Solution</summary>") < html.index('data-run="ls"') < html.index("</details>") < html.index("after")
    )


@pytest.mark.parametrize(
    ("attributes", "how", "marker"),
    [
        ('data-filename="a.js" data-target="replace"', "file", ""),
        ("data-filename=a.js data-target=append", "append", ""),
        ("data-filename='a.js'\n  data-target='insert' data-marker='<!-- here -->'", "insert", "<!-- here -->"),
        ('data-filename="a.js" data-target="prepend"', "file", ""),
    ],
)
def test_editor_blocks_are_files_to_save(attributes, how, marker):
    """Attributes in any quotes, over several lines; the content is escaped text."""
    found = rendered(f'<pre class="file" {attributes}>\na &lt; b\n\n<b>c</b>\n</pre>\n\nafter')[0]

    save = found.actions[0]
    assert (save.path, save.how, save.at, save.content) == ("/root/a.js", how, marker, "a < b\n\n<b>c</b>\n")
    assert 'data-save="0"' in found.html and "<p>after</p>" in found.html


def test_an_editor_block_for_the_clipboard_is_copied():
    """data-target clipboard is Copy, none is only shown."""
    assert 'data-copy="x"' in rendered('<pre class="file" data-target="clipboard">x</pre>')[0].html
    assert "data-copy" not in rendered('<pre class="file">x</pre>')[0].html


def test_questions_are_graded_by_the_server():
    """Four kinds; the page learns nothing of what is right."""
    text = (
        ">>Q1: Exact<<\n=== one\n=== two\n\n>>Contains<<\n=~= a.b\n\n>>Q3: All<<\n[*] a\n[*] b\n[ ] c\n\n>>One<<\n(*) a\n( ) b\n"
    )
    found = rendered(text)[0]

    assert [quiz.kind for quiz in found.quizzes] == ["text", "text", "many", "one"]
    assert found.quizzes[0].answers == (("=", "one"), ("=", "two"))
    assert found.quizzes[1].answers == (("~", r".*a\.b.*"),)
    assert [option.right for option in found.quizzes[2].options] == [True, True, False]
    assert found.html.count("<form") == 4 and "===" not in found.html and "checked" not in found.html


def test_questions_are_those_of_our_own_format():
    """The form is the same element for element, so that the page need not know the difference."""
    from tests.lessons.texts import lesson

    ours = lesson("## S {#s}\n\n:::quiz{#step-1-q1}\nOne\n\n- [x] a\n- [ ] b\n:::\n").steps[0].html
    theirs = rendered(">>One<<\n(*) a\n( ) b\n")[0].html

    shape = lambda html: [part.split(">")[0] for part in html.split("<")[1:]]  # noqa: E731
    assert shape(ours) == shape(theirs.strip() + "\n")


def test_headings_leave_the_first_level_to_the_page():
    """Each goes one level down."""
    assert "<h2>A</h2>" in rendered("# A\n")[0].html


def test_lines_are_those_of_the_file():
    """Editor blocks and quizzes before it do not shift the line of an action."""
    text = '>>Q<<\n(*) a\n( ) b\n\n<pre class="file" data-filename="x" data-target="replace">\n1\n2\n</pre>\n\n`ls`{{exec}}\n'

    assert [action.line for action in rendered(text)[0].actions] == [5, 10]
