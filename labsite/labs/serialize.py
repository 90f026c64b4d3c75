"""A lab as JSON: the same for the API, the page's first data and the control socket."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from labsite.labs import progress
from labsite.labs.authoring.live import stamp_of
from labsite.labs.checking import check_message
from labsite.labs.lessonbook import of_lab
from labsite.labs.models import LabSession, Sandbox
from labsite.labs.notify import sandbox_message
from lessons.catalog import Lesson, Terminal


def lab(lab: LabSession, lesson: Lesson | None, ws: str = "") -> dict[str, Any]:
    """What the owner of a lab may know of it."""
    sandboxes = lab.sandboxes.select_related("lab")
    return {
        "code": lab.code,
        "lesson": lab.lesson,
        "status": lab.status,
        "sandboxes": [sandbox(each, lesson, ws) for each in sandboxes],
        "created": lab.created_at.isoformat(),
        "expires": lab.expires_at.isoformat(),
        "ended": lab.ended_at.isoformat() if lab.ended_at else None,
        "end_reason": lab.end_reason or None,
        "url": reverse("labs:show", args=[lab.code]),
    }


def sandbox(sandbox: Sandbox, lesson: Lesson | None, ws: str) -> dict[str, Any]:
    """One machine, with the names and addresses of the terminals its lesson opens."""
    known = {key: value for key, value in sandbox_message(sandbox).items() if key != "type"}
    wanted = lesson.terminals_of(sandbox.name) if lesson else (Terminal(1),)
    return known | {
        "backend": sandbox.backend,
        "image": sandbox.request.get("image"),
        "terminals": [
            {"n": each.n, "name": each.name, "ws": ws + terminal_path(sandbox.lab.code, sandbox.name, each.n)} for each in wanted
        ],
    }


def terminal_path(code: str, name: str, n: int | str) -> str:
    """Where a terminal's websocket is."""
    return f"/ws/labs/{code}/{name}/terminals/{n}/"


def websocket_base(request: HttpRequest) -> str:
    """Scheme, host and port of our websockets, as this visitor reaches us."""
    if settings.WS_URL:
        return settings.WS_URL
    host = request.get_host().rpartition(":")[0] or request.get_host()
    return f"{'wss' if request.is_secure() else 'ws'}://{host}:{settings.WS_PORT}"


def boot(request: HttpRequest, row: LabSession) -> dict[str, Any]:
    """All the lab page needs to begin: the lab, its addresses, its steps and progress."""
    lesson, ws = of_lab(row), websocket_base(request)
    known = progress.standing(row.user, lesson) if lesson else progress.Standing()
    results = _results(row, lesson, known)
    return lab(row, lesson, ws) | {
        "api": f"/api/v1/labs/{row.code}",
        "ws": {
            "lab": f"{ws}/ws/labs/{row.code}/",
            "terminal": ws + f"/ws/labs/{row.code}/<sandbox>/terminals/<n>/",
        },
        "gate": lesson.gate if lesson else False,
        "steps": [_step(step, results) for step in lesson.steps] if lesson else [],
        "progress": list(results.values()),
        "answered": sorted(known.quizzes),
        "at": known.step,
        "preview": _preview(row),
        "editor": {"root": lesson.editor.root, "open": lesson.editor.open} if lesson and lesson.editor else None,
        "ports": f"/ports/{row.code}/",
        "end_url": reverse("labs:end", args=[row.code]),
    }


def _preview(row: LabSession) -> dict[str, str] | None:
    """Under `lessons preview`: where the page asks for the lesson's stamp, and the stamp it was made with."""
    course, _, slug = row.lesson.partition("/")
    if not settings.PREVIEW or not slug:
        return None
    return {"url": reverse("lessons:stamp", args=[course, slug]), "stamp": stamp_of(course, slug)}


def _results(row: LabSession, lesson: Any, known: progress.Standing) -> dict[tuple[str, str], dict[str, Any]]:
    """What the checks said: in this lab, and before it in any other."""
    tasks = [(step.id, task.id) for step in lesson.steps for task in step.tasks] if lesson else []
    earlier = {
        (step, task): {"type": "check", "step": step, "task": task, "passed": True, "state": "earlier", "message": ""}
        for step, task in tasks
        if task in known.tasks
    }
    here = {(each.step, each.task): check_message(each) for each in row.results.all()}
    return earlier | {key: said for key, said in here.items() if said["passed"] or key not in earlier}


def _step(step: Any, results: dict) -> dict[str, Any]:
    """A step's tasks and whether they are done."""
    done = {task.id: results.get((step.id, task.id), {}).get("passed", False) for task in step.tasks}
    tasks = [{"id": task.id, "auto": task.auto, "done": done[task.id]} for task in step.tasks]
    quizzes = [quiz.id for quiz in step.quizzes]
    setup = bool(step.setup or step.setup_on)
    return {"id": step.id, "title": step.title, "tasks": tasks, "quizzes": quizzes, "gate": step.gate, "setup": setup}
