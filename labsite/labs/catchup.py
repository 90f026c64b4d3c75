"""Catching up: what a learner did days ago, done again in the fresh machines of today.

Her progress is kept, her machines are not. If she wants, the author's solutions of the tasks she has passed before
are typed, in their order, in a terminal that is not hers (the eighth), as `lessons test` types them; each is checked
like any other. So files and programs are as they would be. What lived in her own shell is not brought back.

One task at a time, each a message for the workers: others' machines do not wait for the whole of it.
"""

import logging
import time
from contextlib import ExitStack

from django.core.cache import cache

from labsite.labs import checking, checks, gateway, notify, progress
from labsite.labs.grounds import Grounds
from labsite.labs.lessonbook import of_lab
from labsite.labs.models import LabSession, TaskResult
from labsite.labs.trial import type_in
from labsite.labs.typist import TypingError, Typist
from lessons.catalog import Lesson, Step, Task

log = logging.getLogger(__name__)

BEHIND_THE_SCENES = 8  # the last terminal a machine may have
PATIENCE = 5.0  # how long a background process may take to become what it will be
LOCK = 120


class Backstage(Grounds):
    """The lab's own machines, with a typist in a terminal that the page does not show."""

    def typist(self, machine: str = "", terminal: int = 1) -> Typist:
        """Whatever terminal was asked for."""
        return super().typist(machine, BEHIND_THE_SCENES)


def left(lab: LabSession, lesson: Lesson, step_id: str) -> list[tuple[Step, Task]]:
    """Tasks before this step that she passed in an earlier lab, not yet in this one, and that have a solution."""
    passed = progress.standing(lab.user, lesson).tasks
    here = set(TaskResult.objects.filter(lab=lab, passed_at__isnull=False).values_list("step", "task"))
    found = []
    for step in lesson.steps:
        if step.id == step_id:
            break
        found += [(step, task) for task in step.tasks if task.solution and task.id in passed and (step.id, task.id) not in here]
    return found


def begin(lab: LabSession, lesson: Lesson, step_id: str) -> int:
    """Ask the workers; how many tasks there are, 0 if one is being done already or nothing is left."""
    from labsite.labs.tasks import catch_up

    wanted = left(lab, lesson, step_id)
    if not wanted or not cache.add(_lock(lab.code), 1, timeout=LOCK):
        return 0
    catch_up.delay(lab.code, step_id, len(wanted))
    return len(wanted)


def one(code: str, step_id: str, total: int) -> bool:
    """Do the next task; True if there is another after it."""
    lab = LabSession.objects.filter(code=code, ended_at=None).first()
    lesson = of_lab(lab) if lab else None
    wanted = left(lab, lesson, step_id) if lab and lesson else []
    if lab is None or lesson is None or not wanted:
        cache.delete(_lock(code))
        return False
    step, task = wanted[0]
    done = _do(lab, lesson, step, task)
    more = done and len(wanted) > 1
    notify.send(code, {"type": "catch-up", "done": total - len(wanted) + done, "total": total, "ok": done, "over": not more})
    lab.touch()
    if more:
        cache.touch(_lock(code), LOCK)
        return True
    _return_to(lab, lesson, step_id)
    return False


def _do(lab: LabSession, lesson: Lesson, step: Step, task: Task) -> bool:
    """Type one solution and see whether its check agrees."""
    machines = checking.machines_of(lab)
    try:
        checking.enter(lab.code, lesson, step, machines)
        with ExitStack() as ending:
            type_in(Backstage(lesson, machines, ending), task.solution)
        end = time.monotonic() + PATIENCE
        result = checks.run_check(machines, lesson, step, task, seed=lab.code)
        while not result.passed and time.monotonic() < end:
            time.sleep(0.2)
            result = checks.run_check(machines, lesson, step, task, seed=lab.code)
    except (TypingError, KeyError, OSError, checks.SetupFailed, gateway.GatewayError) as error:
        log.warning("lab %s: %s/%s was not done again: %s", lab.code[:8], step.id, task.id, error)
        return False
    if result.passed:
        checking.record(lab, step.id, task, str(result.state), result.message)
    return result.passed


def _return_to(lab: LabSession, lesson: Lesson, step_id: str) -> None:
    """The history's mark belongs to the step that is open."""
    cache.delete(_lock(lab.code))
    step = lesson.step(step_id)
    if step is not None:
        try:
            checks.mark_step(checking.machines_of(lab), step)
        except gateway.GatewayError as error:
            log.warning("lab %s: step %s is not marked: %s", lab.code[:8], step_id, error)


def _lock(code: str) -> str:
    return f"catch-up:{code}"
