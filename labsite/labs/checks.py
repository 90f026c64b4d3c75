"""Run the checks of a task against a sandbox, and prepare a sandbox for being checked.

What a check may say is fixed by `lessons.contract`; this module only carries scripts in
and facts out, through the gateway.
"""

import logging

from labsite.labs import gateway
from labsite.labs.models import Sandbox
from lessons import contract, rules, variables
from lessons.catalog import Check, Lesson, Step, Task
from lessons.contract import CheckResult, State

log = logging.getLogger(__name__)

PROFILE_PATH = "/etc/profile.d/lab-history.sh"
SETUP_TIMEOUT = 120.0


class SetupFailed(Exception):
    """A setup script of the lesson ended badly; the text is for the author."""


def run_check(
    sandbox: Sandbox, lesson: Lesson, step: Step, task: Task, *, seed: str | None = None
) -> CheckResult:
    """Ask every check of a task in its order; the first that does not pass is the answer."""
    env = contract.environment(
        lesson, step, task, seed=seed or sandbox.lab.code, hostname=sandbox.name
    )
    result = CheckResult(State.PASSED)
    for check in task.checks:
        answer = _ask(sandbox, check, env)
        if not answer.passed:
            return _logged(answer, lesson, check)
        result = answer if answer.message else result
    return result


def prepare(sandbox: Sandbox, lesson: Lesson, *, seed: str | None = None) -> None:
    """Make a fresh sandbox ready: note commands as they are run, then the lesson's setup."""
    gateway.put(sandbox, PROFILE_PATH, contract.PROFILE.encode())
    if lesson.setup:
        run_setup(sandbox, lesson, lesson.setup, seed=seed)


def run_setup(sandbox: Sandbox, lesson: Lesson, script: str, *, seed: str | None = None) -> None:
    """Run one setup script as root and wait for it; SetupFailed if it does not end with 0."""
    env = variables.environment(lesson.values(seed or sandbox.lab.code))
    args = ["/bin/sh", "-c", 'eval "$(cat)"']
    result = gateway.exec(
        sandbox, args, env=env, timeout=SETUP_TIMEOUT, limit=65536, stdin=script.encode()
    )
    if result.code != 0 or result.timed_out:
        words = (result.stderr or result.stdout)[-500:].decode("utf-8", "replace")
        raise SetupFailed(f"setup ended with status {result.code}: {words}")


def _ask(sandbox: Sandbox, check: Check, env: dict[str, str]) -> CheckResult:
    if check.language == "host":
        return rules.evaluate(check.source, gateway.observe(sandbox))
    result = gateway.exec(
        sandbox,
        contract.command(check),
        env=env,
        user=check.user,
        timeout=float(check.timeout),
        limit=65536,
        stdin=contract.script(check),
    )
    return contract.judge(result.code, result.stdout, result.stderr, timed_out=result.timed_out)


def _logged(result: CheckResult, lesson: Lesson, check: Check) -> CheckResult:
    """An author reads of a broken check in the log; the learner is only told that it broke."""
    if result.state is State.BROKEN:
        log.error("%s:%s: check broke: %s", lesson.path, check.line, result.log)
    return result
