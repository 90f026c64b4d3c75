"""Checks: run one, remember what it said, tell the page."""

import logging

from django.core.cache import cache
from django.utils import timezone

from labsite.labs import checks, gateway, notify, progress, undo
from labsite.labs.lessonbook import of_lab
from labsite.labs.models import LabSession, Sandbox, Status, TaskResult
from lessons.catalog import Lesson, Step, Task

log = logging.getLogger(__name__)

DAY = 86_400


def check_task(code: str, step_id: str, task_id: str, language: str) -> None:
    """Run the check of a task, unless that very check is running already."""
    key = f"check:{code}:{step_id}:{task_id}"
    if not cache.add(key, 1, timeout=60):
        return
    try:
        lab = LabSession.objects.filter(code=code, ended_at=None).first()
        lesson = lab and of_lab(lab, language)
        step = lesson.step(step_id) if lesson else None
        task = step.task(task_id) if step else None
        if lesson and step and task:
            _run(lab, lesson, step, task)
    finally:
        cache.delete(key)


def _run(lab: LabSession, lesson: Lesson, step: Step, task: Task) -> None:
    if task.needs and task.needs not in progress.standing(lab.user, lesson).tasks:
        return  # the page shows what comes first
    try:
        result = checks.run_check(machines_of(lab), lesson, step, task, seed=lab.code)
    except gateway.GatewayError as error:
        log.warning("lab %s: check %s could not run: %s", lab.code[:8], task.id, error)
        return
    if result.state != "cannot_tell":  # the machine was busy: the next time will tell
        record(lab, step.id, task, str(result.state), result.message)


def record(lab: LabSession, step: str, task: Task, state: str, message: str) -> None:
    """Remember and tell. An automatic task that was done once stays done."""
    row, _ = TaskResult.objects.get_or_create(lab=lab, step=step, task=task.id)
    if task.auto and row.passed_at and state != "passed":
        notify.send(lab.code, check_message(row))  # the page that asks has not heard of it
        return
    news = (row.state, row.message) != (state, message)
    if task.auto and not news and state != "passed":
        return  # most polls end here: nothing is written, nobody is told
    row.state, row.message, row.attempts = state, message, row.attempts + 1
    if state == "passed" and row.passed_at is None:
        row.passed_at = timezone.now()
    row.save()
    if state == "passed":
        progress.task_done(lab, step, task.id)
    if news or state == "passed" or not task.auto:
        notify.send(lab.code, check_message(row))


def check_message(row: TaskResult) -> dict:
    """What a page is told of a check."""
    return {
        "type": "check",
        "step": row.step,
        "task": row.task,
        "passed": row.passed_at is not None,
        "state": row.state,
        "message": row.message,
    }


def machines_of(lab: LabSession) -> dict[str, Sandbox]:
    """The running machines of a lab, by name."""
    running = lab.sandboxes.select_related("lab").filter(status=Status.RUNNING)
    return {sandbox.name: sandbox for sandbox in running}


def open_step(code: str) -> str | None:
    """The step that the lab's page last opened."""
    return cache.get(f"step:{code}")


def note_open(code: str, step_id: str) -> None:
    """Remember it for a machine that is still being made."""
    cache.set(f"step:{code}", step_id, timeout=DAY)


def set_up_step(code: str, step_id: str) -> None:
    """A step was opened: note it for `ran`, and run its setup once for a lab."""
    note_open(code, step_id)
    lab = LabSession.objects.filter(code=code, ended_at=None).first()
    lesson = lab and of_lab(lab)
    step = lesson.step(step_id) if lesson else None
    if lab is None or lesson is None or step is None:
        return
    machines = machines_of(lab)
    if lesson.machine.name not in machines:
        return
    undo.keep(lesson, step.id, machines)
    try:
        enter(code, lesson, step, machines)
    except (checks.SetupFailed, gateway.GatewayError) as error:
        log.error("lesson %s, step %s: %s", lab.lesson, step_id, error)
    notify.send(code, {"type": "ready", "step": step_id})


def enter(code: str, lesson: Lesson, step: Step, machines: dict[str, Sandbox]) -> None:
    """Mark a step in the machines' histories; run its setup, once for these machines."""
    checks.mark_step(machines, step)
    if (step.setup or step.setup_on or step.foreground) and _first_time(code, step, machines):
        checks.enter_step(machines, lesson, step, seed=code)


def _first_time(code: str, step: Step, machines: dict[str, Sandbox]) -> bool:
    """Has this step not been set up on these very machines?"""
    made = "-".join(str(sandbox.generation) for sandbox in machines.values())
    return bool(cache.add(f"setup:{code}:{step.id}:{made}", 1, timeout=DAY))
