"""Run the checks of a task against the machines of a lab, and prepare a machine for being checked.

What a check may say is fixed by `lessons.contract`; this module only carries scripts in
and facts out, through the gateway.
"""

import logging
from collections.abc import Mapping

from labsite.labs import filecopies, foreground, gateway
from labsite.labs.errands import Errands, without_requests
from labsite.labs.models import Sandbox
from lessons import contract, rules, trust, variables
from lessons.catalog import Check, Lesson, Step, Task
from lessons.contract import CheckResult, State

log = logging.getLogger(__name__)

PROFILE_PATH = "/etc/profile.d/lab-history.sh"
# One process: somebody waits for her prompt. Our images have the profile, and their waiting shells have read it.
NOTE_COMMANDS = ': > "$1" && chmod 666 "$1" && { [ -e "$2" ] || { mkdir -p "${2%/*}" && cat > "$2" && echo new; }; }'
SETUP_TIMEOUT = 120.0
Sandboxes = Mapping[str, Sandbox]


class SetupFailed(Exception):
    """A setup script of the lesson ended badly; the text is for the author."""


def run_check(sandboxes: Sandboxes, lesson: Lesson, step: Step, task: Task, *, seed: str) -> CheckResult:
    """Ask every check of a task in its order; the first that does not pass is the answer."""
    result = CheckResult(State.PASSED)
    for check in task.checks:
        sandbox = sandboxes.get(check.machine or lesson.machine.name)
        if sandbox is None:
            return CheckResult(State.CANNOT_TELL, "", f"the machine {check.machine or lesson.machine.name} does not run")
        env = contract.environment(lesson, step, task, seed=seed, hostname=sandbox.name)
        answer = _ask(sandboxes, sandbox, check, env)
        if not answer.passed:
            return _logged(answer, lesson, check)
        result = answer if answer.message else result
    return result


def _ask(sandboxes: Sandboxes, sandbox: Sandbox, check: Check, env: dict[str, str]) -> CheckResult:
    if check.language == "host":
        sight = gateway.look(sandbox).to_dict() if rules.wants_sight(check.source) else None
        return rules.evaluate(check.source, gateway.observe(sandbox), sight)
    errands = Errands(sandboxes, float(check.timeout), env) if contract.talks(check) else None
    result = gateway.exec(
        sandbox,
        contract.command(check),
        env=env,
        user=check.user,
        timeout=float(check.timeout),
        limit=65536,
        stdin=contract.script(check),
        **({"reply": errands} if errands else {}),
    )
    stderr = without_requests(result.stderr) if errands else result.stderr
    answer = contract.judge(result.code, result.stdout, stderr, timed_out=result.timed_out)
    return trust.confirmed(answer, gateway.replaced(sandbox, trust.relied_on(check))) if answer.passed else answer


def _logged(result: CheckResult, lesson: Lesson, check: Check) -> CheckResult:
    """An author reads of a broken check in the log; the learner is only told that it broke."""
    if result.state is State.BROKEN:
        log.error("%s:%s: check broke: %s", lesson.path, check.line, result.log)
    return result


def prepare(sandbox: Sandbox, lesson: Lesson, *, seed: str) -> None:
    """Make a fresh machine ready: note commands as they are run, bring its files, run its setup."""
    note = ["/bin/sh", "-c", NOTE_COMMANDS, "sh", contract.HISTORY, PROFILE_PATH]
    noted = gateway.exec(sandbox, note, stdin=contract.PROFILE.encode(), timeout=10.0, aside=True)
    if noted.code:
        raise SetupFailed(f"commands cannot be noted: {noted.stderr.decode(errors='replace').strip()}")
    if noted.stdout:
        gateway.exec(sandbox, ["/bin/sh", "-c", ":"], timeout=10.0)  # a shell that waits has not read the new profile
    first = sandbox.name == lesson.machine.name
    try:
        filecopies.copy(sandbox, [each for each in lesson.files if each.machine == sandbox.name or (first and not each.machine)])
    except filecopies.CopyFailed as error:
        raise SetupFailed(str(error)) from error
    scripts = [lesson.setup] if first and lesson.setup else []
    for script in [*scripts, *(script for name, script in lesson.setup_on if name == sandbox.name)]:
        run_setup(sandbox, lesson, script, seed=seed)
    if first and lesson.foreground:
        foreground.show(sandbox, "lesson", lesson.foreground)


def enter_step(sandboxes: Sandboxes, lesson: Lesson, step: Step, *, seed: str) -> None:
    """Run what a step sets up as it opens."""
    scripts = [(lesson.machine.name, script) for script in step.setup]
    for name, script in [*scripts, *step.setup_on]:
        if name in sandboxes:
            run_setup(sandboxes[name], lesson, script, seed=seed)
    if step.foreground and lesson.machine.name in sandboxes:
        foreground.show(sandboxes[lesson.machine.name], step.id, step.foreground)


def mark_step(sandboxes: Sandboxes, step: Step) -> None:
    """Note in every machine's history that a step was opened: `ran` looks no further back."""
    for sandbox in sandboxes.values():
        gateway.exec(sandbox, contract.mark(step.id), timeout=10.0)


def run_setup(sandbox: Sandbox, lesson: Lesson, script: str, *, seed: str) -> None:
    """Run one setup script as root and wait for it; SetupFailed if it does not end with 0."""
    env = {**variables.environment(lesson.values(seed)), "LAB_USER": lesson.user, "HOME": "/root", "PATH": contract.PATH}
    args = ["/bin/sh", "-c", 'eval "$(cat)"']
    result = gateway.exec(sandbox, args, env=env, timeout=SETUP_TIMEOUT, limit=65536, stdin=script.encode())
    if result.code != 0 or result.timed_out:
        words = (result.stderr or result.stdout)[-500:].decode("utf-8", "replace")
        how = f"did not end within {SETUP_TIMEOUT:g} s" if result.timed_out else f"ended with status {result.code}"
        raise SetupFailed(f"setup {how}: {words}")
