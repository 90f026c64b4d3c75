"""Host checks: rules over facts the sandbox cannot fake."""

import pytest

from lessons import rules
from lessons.contract import State

INIT = {"pid": 100, "inside_pid": 1, "comm": "init", "uid": 0, "hostname": "box", "ns": {"uts": 1, "mnt": 5}}
OTHER = {"pid": 120, "inside_pid": 9, "comm": "sleep", "uid": 0, "hostname": "otter", "ns": {"uts": 2, "mnt": 6}}
FACTS = {"init": 100, "processes": [OTHER, INIT], "mounts": {"5": [], "6": [{"target": "/mnt"}]}}
UNTOUCHED = {"init": 100, "processes": [INIT], "mounts": {"5": []}}
SOURCE = """
- process: {uts: other}
  else: No namespace yet.
- process: {uts: other, hostname: otter}
  else: Process {pid} is not called otter.
- pass: Process {pid} ({comm}) is.
"""


def test_rules_pass_in_order():
    """The last rule's words name the process as the learner numbers it."""
    found = rules.evaluate(SOURCE, FACTS)

    assert (found.state, found.message) == (State.PASSED, "Process 9 (sleep) is.")


def test_the_first_rule_that_fails_speaks():
    """Untouched, and half done, get different words."""
    half = {**FACTS, "processes": [INIT, {**OTHER, "hostname": "box"}]}

    assert rules.evaluate(SOURCE, UNTOUCHED).message == "No namespace yet."
    assert rules.evaluate(SOURCE, half).message == "Process 9 is not called otter."


def test_something_may_have_to_be_absent():
    """no-process fails when such a process is seen."""
    source = "- no-process: {uts: same, hostname: box}\n  else: Renamed.\n"

    assert rules.evaluate(source, FACTS).message == "Renamed."


def test_mounts_are_looked_up_in_the_process_s_own_table():
    """mounted: is asked of the mount namespace the process lives in."""
    source = "- process: {%s mounted: /mnt}\n  else: None.\n"

    assert rules.evaluate(source % "mnt: other,", FACTS).passed
    assert not rules.evaluate(source % "mnt: same,", FACTS).passed


def test_a_process_on_its_way_out_proves_nothing():
    """Without namespaces it is neither `same` nor `other`."""
    gone = {"processes": [INIT, {"pid": 130, "inside_pid": 10, "comm": "x", "ns": {}}]}

    assert rules.evaluate("- process: {uts: other}\n  else: No.\n", gone).state is State.NOT_YET


def test_no_facts_is_no_answer():
    """A sandbox that is going away is not a learner who is wrong."""
    assert rules.evaluate(SOURCE, {"processes": []}).state is State.CANNOT_TELL


@pytest.mark.parametrize(
    "source",
    ["{", "[]", "- process: {utz: other}\n  else: x", "- process: {uts: new}\n  else: x",
     "- process: {uts: other}", "- pass: done", "- run: rm -rf /\n  else: x"],
)  # fmt: skip
def test_wrong_rules_are_found_when_read(source):
    """An author hears of it at once, and not a learner."""
    assert rules.faults(source)
