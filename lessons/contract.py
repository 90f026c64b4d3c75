"""The contract between a check and whoever runs it.

A check is a fresh process, never the learner's shell. Its exit status decides: 0 done,
1 not yet, 77 cannot tell; anything else, or no end in time, is the author's mistake and
not the learner's. What it prints is the message the learner reads. The script goes in on
standard input, so `ps` in the sandbox shows no word of the answer; it is read whole before
it runs, or a command of the check would eat the rest of it.

`on MACHINE COMMAND…` runs a command on another machine of the lab. No machine reaches another
for that: the check writes the request to its standard error, whoever runs the check carries
it out there, and types status and output back (see `labsite.labs.errands`).
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from lessons import variables
from lessons.elements import Check, Lesson, Step, Task

MESSAGE_LIMIT = 2048
HISTORY = "/run/lab-history"

# The system's own programs before those in /usr/local, where anything may have been put.
PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"
# The script has a known length: after it comes what `on` is answered.
SHELL = 'exec 8>&2 9<&0; eval "$(head -c "$1" <&9)" </dev/null'
PYTHON = "import os,sys;n=int(sys.argv[1]);s=b''\nwhile len(s)<n:s+=os.read(0,n-len(s))\nexec(compile(s,'check','exec'))"
PROGRAMS = {
    "sh": ["/bin/sh", "-c", SHELL, "sh"],
    "bash": ["/bin/bash", "-c", SHELL, "bash"],
    "python": ["/usr/bin/python3", "-IS", "-c", PYTHON],
}
ASK, ARGUMENT, END = "\x1e", "\x1f", "\x1d"  # how `on` frames its request
USES_ON = {"python": re.compile(r"\bon\("), "sh": re.compile(r"(?m)(?:^|[;&|(!`\s])on\s+[\w$\"']")}

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
ran() {
  [ -r "$LAB_HISTORY" ] || return 1
  if grep -q '^#lab-step ' "$LAB_HISTORY"
  then sed -n "/^#lab-step $LAB_STEP\$/,/^#lab-step /p" "$LAB_HISTORY" | grep -v '^#lab-step '
  else cat "$LAB_HISTORY"
  fi | grep -Eq -- "$1"
}
on() {
  printf '\036' >&8; printf '%s\037' "$@" >&8; printf '\035' >&8
  IFS=' ' read -r _code _length <&9 || return 77
  [ "$_length" -eq 0 ] || head -c "$_length" <&9
  return "$_code"
}
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
            lines = history.read().splitlines()
    except OSError:
        return False
    here, marked = [], any(line.startswith("#lab-step ") for line in lines)
    inside = not marked
    for line in lines:
        if line.startswith("#lab-step "):
            inside = line == "#lab-step " + os.environ["LAB_STEP"]
        elif inside:
            here.append(line)
    return any(re.search(regex, line) for line in here)

def on(machine, *command):
    words = "".join(word + "\x1f" for word in (machine, *command))
    os.write(2, ("\x1e" + words + "\x1d").encode())
    head = b""
    while not head.endswith(b"\n"):
        head += os.read(0, 1) or sys.exit(77)
    code, length = map(int, head.split())
    out = b""
    while len(out) < length:
        out += os.read(0, length - len(out))
    return subprocess.CompletedProcess(command, code, out.decode(errors="replace"), "")
"""

PROFILE = f"""# every command is noted as it is run, for checks that ask what was done
lab_note() {{ [ ! -w {HISTORY} ] || HISTFILE={HISTORY}; history -a; }}
PROMPT_COMMAND="lab_note${{PROMPT_COMMAND:+;$PROMPT_COMMAND}}"
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
    return [*PROGRAMS[check.language], str(len(script(check)))]


def script(check: Check) -> bytes:
    """The whole script: the helpers, the course's own, then the author's lines."""
    prelude = PYTHON_PRELUDE if check.language == "python" else SH_PRELUDE
    return f"{prelude}\n{check.include}\n{check.source}\n".encode()


def talks(check: Check) -> bool:
    """Does this check run anything `on` another machine?"""
    uses = USES_ON["python" if check.language == "python" else "sh"]
    return uses.search(check.include + check.source) is not None


def mark(step: str) -> list[str]:
    """A command that notes in the history that a step was opened, so that `ran` knows where it begins."""
    line = f"#lab-step {step}"
    note = '[ "$(grep "^#lab-step " "$1" | tail -n 1)" = "$2" ] || printf "%s\\n" "$2" >> "$1"'
    return ["/bin/sh", "-c", note, "sh", HISTORY, line]


def environment(lesson: Lesson, step: Step, task: Task, *, seed: str, hostname: str) -> dict[str, str]:
    """What a check finds in its environment."""
    return {
        "PATH": PATH,
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
