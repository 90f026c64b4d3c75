"""Values that differ between attempts."""

from hypothesis import given
from hypothesis import strategies as st

from lessons import variables
from tests.lessons.texts import TASK, faults, lesson

HEAD = "---\ntitle: t\nvars:\n  name: {pick: [otter, heron]}\n  token: {random: 8}\n---\n"


@given(st.text())
def test_a_seed_always_draws_the_same(seed):
    """An attempt reads the same lesson however often it is opened."""
    declared = {"name": {"pick": ["a", "b"]}, "token": {"random": 8}}

    assert variables.choose(declared, seed) == variables.choose(declared, seed)


def test_only_declared_names_are_replaced():
    """Templates of other tools pass untouched."""
    found = lesson("## S {#s}\n\n%{name} %{other} {{ name }} $name\n", HEAD).bound("1")

    value = found.values("1")["name"]
    assert f"<p>{value} %{{other}} {{{{ name }}}} $name</p>" in found.steps[0].html


def test_values_reach_text_commands_and_proofs():
    """Text, {run}, solution and check of one attempt agree."""
    body = "## S {#s}\n\n```sh {run}\necho %{name}\n```\n\n" + TASK.replace("/made", "/%{name}")
    found = lesson(body, HEAD).bound("7")

    value = found.values("7")["name"]
    assert found.steps[0].runs[0].command == f"echo {value}"
    assert found.tasks[0].solution.source == f"touch /{value}\n"
    assert f'data-run="echo {value}"' in found.steps[0].html


def test_values_are_escaped_in_html():
    """A value with markup in it stays text."""
    assert variables.substitute("%{a}", {"a": "<b>"}, html=True) == "&lt;b&gt;"


def test_checks_see_values_as_environment():
    """%{two-words} is $LAB_TWO_WORDS."""
    assert variables.environment({"two-words": "x"}) == {"LAB_TWO_WORDS": "x"}


def test_a_wrong_declaration_is_an_error():
    """pick needs something to pick from."""
    head = "---\ntitle: t\nvars:\n  name: {pick: []}\n---\n"

    assert faults("", head) == [(4, "variable name: write {pick: [a, b]} or {random: 8}")]
