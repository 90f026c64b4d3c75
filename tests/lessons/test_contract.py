"""The contract of checks, shown with a real shell."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from lessons import contract
from lessons.contract import State
from lessons.elements import Check


def run(source, language="sh", history="/nowhere"):
    command = contract.command(Check(language, source))
    if language == "python":
        command[0] = sys.executable
    env = {"PATH": "/usr/bin:/bin", "LAB_HISTORY": str(history)}
    ended = subprocess.run(command, input=contract.script(Check(language, source)), env=env, capture_output=True)
    return contract.judge(ended.returncode, ended.stdout, ended.stderr)


@pytest.mark.parametrize(
    ("source", "state", "message"),
    [
        ('pass "Well done."', State.PASSED, "Well done."),
        ('fail "Not yet: 644."', State.NOT_YET, "Not yet: 644."),
        ("echo busy; exit 77", State.CANNOT_TELL, ""),
        ("nosuchcommand", State.BROKEN, ""),
        ("if", State.BROKEN, ""),
        ("exit 3", State.BROKEN, ""),
    ],
)
def test_the_exit_status_decides(source, state, message):
    """0 done, 1 not yet, 77 cannot tell, anything else is the author's mistake."""
    found = run(source)

    assert (found.state, found.message) == (state, message)


@pytest.mark.parametrize(
    ("source", "state"),
    [("pass_('a')", State.PASSED), ("fail('b')", State.NOT_YET), ("1/0", State.BROKEN)],
)
def test_python_checks_have_the_same_helpers(source, state):
    """Python has pass_ and fail; an exception is the author's mistake."""
    assert run(source, "python").state is state


def test_a_command_of_the_check_cannot_eat_the_check():
    """The script is read whole before it runs."""
    assert run("cat > /dev/null\npass read").message == "read"


def test_wait_for_waits_and_gives_up(tmp_path):
    """It returns as soon as the command succeeds, and fails after its seconds."""
    start = time.monotonic()

    assert run(f"(sleep 0.5; touch {tmp_path}/x) & wait_for 5 test -e {tmp_path}/x && pass").passed
    assert time.monotonic() - start < 3
    assert run("wait_for 1 false || fail slow").message == "slow"


def test_ran_looks_at_what_was_typed(tmp_path):
    """A regular expression over the commands noted by the shell."""
    (tmp_path / "history").write_text("ls -l\nunshare --uts bash\n")

    assert run("ran 'unshare.*--uts' && pass", history=tmp_path / "history").passed
    assert not run("ran nsenter && pass || fail no", history=tmp_path / "history").passed


def test_a_time_out_is_the_check_s_fault():
    """W-20: A learner is never told she is wrong because a check was slow."""
    assert contract.judge(0, b"", b"", timed_out=True).state is State.BROKEN


def test_messages_are_short_and_logs_are_private():
    """W-20: 2 KiB of output reach the learner; what went to stderr does not."""
    found = contract.judge(1, b"\xe4\xbd\xa0" * 4096, b"secret")

    assert len(found.message.encode()) <= contract.MESSAGE_LIMIT
    assert "secret" not in found.message and found.log == "secret"


@pytest.mark.parametrize("image", ["linux", "docker"])
def test_the_images_note_commands_as_the_contract_says(image):
    """A shell that waits in the pool has read the image's profile, so it must be this one."""
    profile = Path(__file__).parents[2] / f"images/{image}/rootfs/etc/profile.d/lab-history.sh"

    assert profile.read_text() == contract.PROFILE
