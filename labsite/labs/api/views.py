"""What the API does. `access` decides who; `services` does the work."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import get_language

from labsite.accounts.guests import user_or_guest
from labsite.labs import access, catchup, checking, gateway, lessonbook, limits, progress, saving, serialize, services, undo
from labsite.labs.address import client_network
from labsite.labs.api.endpoint import body
from labsite.labs.api.finding import find_lab
from labsite.labs.api.problems import ProblemError
from labsite.labs.limits import LimitError
from labsite.labs.models import LabSession, Status
from lessons import catalog, quizzes


def list_lessons(request: HttpRequest) -> dict[str, Any]:
    """Every lesson, by course."""
    courses = catalog.courses(get_language() or "en")
    return {"courses": [_course(course) for course in courses]}


def _course(course: catalog.Course) -> dict[str, Any]:
    lessons = [
        {
            "slug": lessonbook.path_of(each),
            "title": each.title,
            "summary": each.summary,
            "level": each.level,
            "minutes": each.minutes,
        }
        for each in course.lessons
    ]
    return {"slug": course.slug, "title": course.title, "summary": course.summary, "lessons": lessons}


def open_lab(request: HttpRequest) -> tuple[dict[str, Any], int]:
    """Open a lab, as a guest if need be."""
    path = body(request).get("lesson")
    lesson = lessonbook.find(path) if isinstance(path, str) else None
    if lesson is None:
        raise ProblemError(404, "no-lesson", "there is no lesson of that name")
    if lesson.unavailable:
        raise ProblemError(409, "lesson-unavailable", f"this lesson can be read, but not run here: {lesson.unavailable}")
    address = client_network(request)
    try:
        if not request.user.is_authenticated:
            limits.check_address(address)
        lab = services.open_lab(user_or_guest(request), lesson, address)
    except LimitError as reached:
        raise ProblemError(429, reached.code, f"at most {reached.limit}", limit=reached.limit) from reached
    return _lab(request, lab), 201


def show_lab(request: HttpRequest, code: str) -> dict[str, Any]:
    """A lab of one's own."""
    return _lab(request, find_lab(request, code, live=False))


def end_lab(request: HttpRequest, code: str) -> None:
    """End it; ending it again changes nothing."""
    services.end_lab(find_lab(request, code, live=False), "user")


def extend_lab(request: HttpRequest, code: str) -> dict[str, Any]:
    """More time."""
    lab = find_lab(request, code)
    if not services.extend(lab):
        raise ProblemError(409, "longest-reached", "this lab cannot be made longer", expires=lab.expires_at.isoformat())
    return _lab(request, lab)


def check_step(request: HttpRequest, code: str, step: str) -> tuple[dict[str, Any], int]:
    """Check one task of a step (`{"task": id}`), or all; the answers come on the control socket."""
    from labsite.labs.tasks import run_check

    lab = find_lab(request, code)
    lesson = lessonbook.of_lab(lab)
    found = lesson.step(step) if lesson else None
    wanted = body(request).get("task")
    ids = [task.id for task in found.tasks if wanted in (None, task.id)] if found else []
    if not ids:
        raise ProblemError(404, "no-task", "there is no such step or task")
    lab.touch()
    for task in ids:
        run_check.apply_async((lab.code, step, task, get_language() or "en"), expires=30)
    return {"checking": ids}, 202


def save_block(request: HttpRequest, code: str, step: str) -> dict[str, Any]:
    """Write the file of a block of the lesson, `{"block": n}`, into the machine the lesson names."""
    lab = find_lab(request, code)
    lesson = lessonbook.of_lab(lab)
    found = lesson.step(step) if lesson else None
    number = body(request).get("block")
    if (
        lesson is None
        or found is None
        or isinstance(number, bool)
        or not isinstance(number, int)
        or not 0 <= number < len(found.saves)
    ):
        raise ProblemError(404, "no-block", "there is no such file in this step")
    block = found.saves[number]
    sandbox = lab.sandboxes.select_related("lab").filter(name=block.machine or lesson.machine.name, status=Status.RUNNING).first()
    if sandbox is None:
        raise ProblemError(409, "not-running", "the machine does not run")
    lab.touch()
    try:
        saving.save(sandbox, block, lesson.user)
    except saving.SaveFailed as error:
        raise ProblemError(409, "refused", str(error)) from error
    except gateway.GatewayError as error:
        raise ProblemError(503, "unavailable", "the machine does not answer") from error
    return {"saved": block.path}


def catch_up(request: HttpRequest, code: str, step: str) -> tuple[dict[str, Any], int]:
    """Do again what was done before this step in an earlier lab; how it goes is told on the control socket."""
    lab = find_lab(request, code)
    lesson = lessonbook.of_lab(lab)
    if lesson is None or lesson.step(step) is None:
        raise ProblemError(404, "no-step", "there is no such step")
    if any(sandbox.status != Status.RUNNING for sandbox in lab.sandboxes.all()):
        raise ProblemError(409, "not-running", "a machine of this lab does not run yet")
    if not (number := catchup.begin(lab, lesson, step)):
        raise ProblemError(409, "nothing-to-do", "nothing is left to do again, or it is being done")
    lab.touch()
    return {"tasks": number}, 202


def answer_quiz(request: HttpRequest, code: str, quiz: str) -> dict[str, Any]:
    """Grade an answer: `{"chosen": [ids or the text]}`; one may go on reading when the lab has ended."""
    lesson = lessonbook.of_lab(find_lab(request, code, live=False))
    return grade(request, lesson, quiz)


def answer_lesson_quiz(request: HttpRequest, course: str, lesson: str, quiz: str) -> dict[str, Any]:
    """The same for someone who only reads."""
    return grade(request, lessonbook.find(f"{course}/{lesson}", seed=lessonbook.READER), quiz)


def grade(request: HttpRequest, lesson: catalog.Lesson | None, quiz: str) -> dict[str, Any]:
    """Ask the lesson's quiz."""
    found = lesson.quiz(quiz) if lesson else None
    if lesson is None or found is None:
        raise ProblemError(404, "no-quiz", "there is no such quiz")
    chosen = body(request).get("chosen")
    if not isinstance(chosen, list) or not all(isinstance(item, str) for item in chosen) or len(chosen) > 50:
        raise ProblemError(400, "bad-answer", "chosen must be a list of strings")
    result = quizzes.grade(found, chosen, lesson.language)
    if result.correct:
        progress.quiz_done(request.user, lesson, quiz)
    return {"correct": result.correct, "message": result.message, "feedback": dict(result.feedback)}


def reset_sandbox(request: HttpRequest, code: str, name: str) -> tuple[dict[str, Any], int]:
    """A fresh machine in place of this one."""
    sandbox = access.sandbox_for(request.user, code, name)
    if sandbox is None:
        raise ProblemError(404, "no-sandbox", "there is no such machine")
    if not services.reset(sandbox):
        raise ProblemError(409, "busy", f"the machine is {sandbox.status}")
    return _lab(request, find_lab(request, code)), 202


def undo_step(request: HttpRequest, code: str, step: str) -> tuple[dict[str, Any], int]:
    """Begin a step again: every machine goes back to how it was when the step was first opened."""
    lab = find_lab(request, code)
    lesson = lessonbook.of_lab(lab)
    if lesson is None or lesson.step(step) is None:
        raise ProblemError(404, "no-step", "there is no such step")
    lab.touch()
    checking.note_open(lab.code, step)
    try:
        undo.undo(lab, lesson, step)
    except undo.UndoRefused as refused:
        words = {"busy": "a machine is not running", "not-kept": "the beginning of this step was not kept"}
        raise ProblemError(409, refused.code, words[refused.code]) from refused
    except gateway.GatewayError as error:
        raise ProblemError(503, "unavailable", "the machine does not answer") from error
    return _lab(request, lab), 202


def show_xray(request: HttpRequest, code: str) -> dict[str, Any]:
    """One observation of each machine that runs, by name: what the host sees of it."""
    running = find_lab(request, code).sandboxes.select_related("lab").filter(status=Status.RUNNING)
    try:
        return {"machines": {sandbox.name: gateway.look(sandbox).to_dict() for sandbox in running}}
    except gateway.GatewayError as error:
        raise ProblemError(503, error.detail["code"], error.detail["message"]) from error


def _lab(request: HttpRequest, lab: LabSession) -> dict[str, Any]:
    lesson = lessonbook.of_lab(lab)
    return serialize.lab(lab, lesson, serialize.websocket_base(request))
