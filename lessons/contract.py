"""The contract between a check and whoever runs it.

A check is a fresh process, never the learner's shell. Its exit status decides: 0 done,
1 not yet, 77 cannot tell; anything else, or no end in time, is the author's mistake and
not the learner's. What it prints is the message the learner reads. The script goes in on
standard input, so `ps` in the sandbox shows no word of the answer; it is read whole before
it runs, or a command of the check would eat the rest of it.
"""

from dataclasses import dataclass
from enum import StrEnum

from lessons import variables
from lessons.elements import Check, Lesson, Step, Task

MESSAGE_LIMIT = 2048
HISTORY = "/run/lab-history"

PROGRAMS = {
    "sh": ["/bin/sh", "-c", 'eval "$(cat)"'],
    "bash": ["/bin/bash", "-c", 'eval "$(cat)"'],
    "python": ["/usr/bin/python3", "-"],
}

SH_PRELUDE = r"""
pass() { printf '%s\n' "$*"; exit 0; }
fail() { printf '%s\n' "$*"; exit 1; }
wait_for() {
  _tries=$(($1 * 5)); shift
  until "$@"; do
    [ "$_tries" -gt 0 ] || return 1
    _tries=$((_tries - 1)); sleep 0.2
  done
}
ran() { [ -r "$LAB_HISTORY" ] && grep -Eq -- "$1" "$LAB_HISTORY"; }
"""

PYTHON_PRELUDE = r"""
import os, re, subprocess, sys, time

def _broke(*error):
    sys.__excepthook__(*error)  # an exception ends Python with 1, which would mean "not yet"
    sys.stderr.flush()
    os._exit(70)

sys.excepthook = _broke

def _end(status, *words):
    print(*words)
    sys.exit(status)

def pass_(*words): _end(0, *words)
def fail(*words): _end(1, *words)

def wait_for(seconds, condition):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True

def ran(regex):
    try:
        with open(os.environ["LAB_HISTORY"], errors="replace") as history:
            return any(re.search(regex, line) for line in history)
    except OSError:
        return False
"""

PROFILE = f"""# every command is noted as it is run, for checks that ask what was done
if [ "$(id -u)" = 0 ]; then HISTFILE={HISTORY}; fi
PROMPT_COMMAND="history -a${{PROMPT_COMMAND:+;$PROMPT_COMMAND}}"
"""


class State(StrEnum):
    """What a check can say of a task."""

    PASSED = "passed"
    NOT_YET = "not_yet"
    CANNOT_TELL = "cannot_tell"
    BROKEN = "broken"


@dataclass(frozen=True)
class CheckResult:
    """The answer of one check; `log` is for the author, never for the learner."""

    state: State
    message: str = ""
    log: str = ""

    @property
    def passed(self) -> bool:
        """Is the task done?"""
        return self.state is State.PASSED


def command(check: Check) -> list[str]:
    """The program that reads the script from standard input."""
    return PROGRAMS[check.language]


def script(check: Check) -> bytes:
    """The whole script: the helpers, then the author's lines."""
    prelude = PYTHON_PRELUDE if check.language == "python" else SH_PRELUDE
    return f"{prelude}\n{check.source}".encode()


def environment(lesson: Lesson, step: Step, task: Task, *, seed: str, hostname: str) -> dict[str, str]:
    """What a check finds in its environment."""
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        "LANG": "C.UTF-8",
        **variables.environment(lesson.values(seed)),
        "LAB_STEP": step.id,
        "LAB_TASK": task.id,
        "LAB_USER": lesson.user,
        "LAB_HOSTNAME": hostname,
        "LAB_HISTORY": HISTORY,
    }


def judge(code: int, stdout: bytes, stderr: bytes, *, timed_out: bool = False) -> CheckResult:
    """What an exit status and an output mean."""
    message = stdout[:MESSAGE_LIMIT].decode("utf-8", "ignore").strip()
    log = stderr[-4096:].decode("utf-8", "replace").strip()
    if timed_out:
        return CheckResult(State.BROKEN, "", f"the check did not end in time\n{log}".strip())
    if code == 0:
        return CheckResult(State.PASSED, message, log)
    if code == 1:
        return CheckResult(State.NOT_YET, message, log)
    if code == 77:
        return CheckResult(State.CANNOT_TELL, "", log)
    return CheckResult(State.BROKEN, "", f"the check ended with status {code}\n{log}".strip())
