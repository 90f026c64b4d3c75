"""Reading a lesson: steps, tasks, commands."""

from tests.lessons.texts import HEAD, TASK, faults, lesson


def test_second_level_headings_are_the_steps():
    """Each ## begins a step; what stands before the first is the introduction."""
    found = lesson("Hello.\n\n## One {#one}\n\nText.\n\n## Two {#two}\n")

    assert [(step.id, step.title) for step in found.steps] == [("one", "One"), ("two", "Two")]
    assert found.intro_html == "<p>Hello.</p>\n"


def test_a_task_has_its_proof_and_hides_it():
    """Check, solution and wrong attempts are read, and never sent to the page."""
    step = lesson("## One {#one}\n\n" + TASK).steps[0]

    task = step.tasks[0]
    assert (task.id, task.auto, task.check.timeout) == ("made", True, 3)
    assert task.solution.source == "touch /made\n"
    assert task.wrongs[0].says == "no /made"
    assert '<section class="task" data-task="made" data-auto>' in step.html
    assert "touch" not in step.html and "-e /made" not in step.html


def test_a_command_to_run_is_data_of_the_page():
    """A {run} fence carries its exact text, escaped, and its terminal."""
    step = lesson("## One {#one}\n\n```sh {run terminal=2}\necho \"<a> & 'b'\"\n```\n").steps[0]

    assert step.runs[0].command == "echo \"<a> & 'b'\""
    assert step.runs[0].terminal == 2
    expected = 'data-run="echo &quot;&lt;a&gt; &amp; &#x27;b&#x27;&quot;" data-terminal="2"'
    assert expected in step.html


def test_output_belongs_to_the_command_before_it():
    """{output} says what the run before it prints."""
    step = lesson("## S {#s}\n\n```sh {run}\nls\n```\n\n```text {output}\na\n```\n").steps[0]

    assert step.runs[0].output == "a\n"


def test_raw_html_is_text():
    """Nothing an author writes becomes markup of the page."""
    html = lesson("## S {#s}\n\n<script>alert(1)</script> <img src=x onerror=y>\n").steps[0].html

    assert "<script" not in html and "<img" not in html


def test_links_into_the_lab_are_data():
    """A lab: link names a place in the lab; a javascript: link is not a link."""
    html = lesson("## S {#s}\n\n[two](lab:terminal/2) [bad](javascript:alert)\n").steps[0].html

    assert 'data-lab="terminal/2"' in html
    assert 'href="javascript' not in html


def test_every_fault_is_found_at_once_with_its_line():
    """An author sees all mistakes of a file, each where it stands."""
    body = "## One\n\n```sh {runn}\nls\n```\n\n:::tusk\nx\n:::\n"

    found = faults(body)

    assert [line for line, _ in found] == [4, 6, 10]
    assert "unknown attribute 'runn'" in found[1][1]
    assert "unknown block :::tusk" in found[2][1]


def test_too_few_colons_outside_are_explained():
    """The commonest slip of nested blocks gets its own words."""
    body = "## S {#s}\n\n:::note\n\n:::tip\nx\n:::\n\nafter\n\n:::\n"

    assert any("needs more colons" in message for _, message in faults(body))


def test_ids_are_unique():
    """Progress is kept by id, so two tasks never share one."""
    found = faults("## One {#one}\n\n" + TASK + "\n## Two {#two}\n\n" + TASK)

    assert [message for _, message in found] == ["task id 'made' is used more than once"] * 2


def test_a_task_without_a_check_is_refused():
    """What cannot be proved is not a task."""
    assert (6, "task x has no check") in faults("## S {#s}\n\n:::task{#x}\nDo.\n:::\n")


def test_front_matter_is_checked_by_line():
    """A misspelt key is an error where it stands, and a lesson has a title."""
    found = faults("## S {#s}\n", head="---\nsummary: x\nmachin: {memory: 1G}\n---\n")

    assert found == [(1, "front matter needs a title"), (3, "unknown key 'machin' in front matter; did you mean 'machine'?")]


def test_machines_have_sizes():
    """256M is 256 MiB; a wrong size is an error and not a surprise."""
    head = "---\ntitle: t\nmachine: {memory: 256M, cpus: 1, network: lab}\n---\n"

    machine = lesson("## S {#s}\n", head).machine
    assert (machine.memory, machine.cpus, machine.network) == (256 << 20, 1, "lab")
    assert "256 cows" in faults("", head.replace("256M", "256 cows"))[0][1]


def test_crlf_is_refused():
    """A script with CR LF would fail inside the sandbox with words nobody understands."""
    assert any("CR LF" in message for _, message in faults("## S {#s}\r\n", HEAD))
