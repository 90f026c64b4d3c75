"""The editor's addresses: files of one machine of one's own lab."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.http import content_disposition_header

from labsite.labs import access, editing, gateway, lessonbook
from labsite.labs.api.endpoint import body
from labsite.labs.api.problems import ProblemError
from labsite.labs.models import Sandbox, Status

LONGEST_PATH = 4000
STATUS = {"missing": 404, "changed": 409, "exists": 409, "not-a-file": 409, "too-large": 413}


def of_a_machine(act: Callable[[HttpRequest, Sandbox], Any]) -> Callable[..., Any]:
    """A view of one's own machine that runs; nothing else of a request is looked at before."""

    @wraps(act)
    def view(request: HttpRequest, code: str, name: str) -> Any:
        sandbox = access.sandbox_for(request.user, code, name)
        if sandbox is None:
            raise ProblemError(404, "no-sandbox", "there is no such machine")
        if sandbox.status != Status.RUNNING:
            raise ProblemError(409, "not-running", "the machine does not run")
        sandbox.lab.touch()
        return act(request, sandbox)

    return view


@of_a_machine
def list_files(request: HttpRequest, sandbox: Sandbox) -> dict[str, Any]:
    """The names in a directory."""
    path = given(request.GET.get("path"), "path")
    return {"path": path, "entries": acted(sandbox, editing.names, path)}


@of_a_machine
def read_file(request: HttpRequest, sandbox: Sandbox) -> dict[str, Any]:
    """A file as text, or why it is none."""
    path = given(request.GET.get("path"), "path")
    found = acted(sandbox, editing.read, path)
    return {"path": path, "text": found.text, "version": found.version, "size": found.size, "why": found.why}


@of_a_machine
def write_file(request: HttpRequest, sandbox: Sandbox) -> dict[str, Any]:
    """Save: `{path, text, version}`, where version is what was read, or `new`, or `any`."""
    sent = body(request)
    path, text, known = given(sent.get("path"), "path"), sent.get("text"), sent.get("version")
    if not isinstance(text, str) or not isinstance(known, str) or len(known) > 64:
        raise ProblemError(400, "bad-file", "text and version must be strings")
    if len(text.encode("utf-8", "surrogatepass")) > editing.TEXT_BYTES:
        raise ProblemError(413, "too-large", f"at most {editing.TEXT_BYTES} bytes")
    return {"path": path, "version": acted(sandbox, editing.write, path, text, known)}


@of_a_machine
def change_file(request: HttpRequest, sandbox: Sandbox) -> None:
    """`{path, to}` renames; `{path, directory: true}` makes a directory."""
    sent = body(request)
    path = given(sent.get("path"), "path")
    if sent.get("directory") is True:
        acted(sandbox, editing.make_directory, path)
    else:
        acted(sandbox, editing.move, path, given(sent.get("to"), "to"))


@of_a_machine
def remove_file(request: HttpRequest, sandbox: Sandbox) -> None:
    """Remove a file or a directory."""
    path = given(request.GET.get("path"), "path")
    if not path.strip("/"):
        raise ProblemError(409, "refused", "the root directory stays")
    acted(sandbox, editing.remove, path)


@of_a_machine
def download(request: HttpRequest, sandbox: Sandbox) -> HttpResponse:
    """A file's bytes, never shown in place."""
    path = given(request.GET.get("path"), "path")
    response = HttpResponse(acted(sandbox, editing.raw, path), content_type="application/octet-stream")
    name_of_it = path.rstrip("/").rpartition("/")[2] or "file"
    response["Content-Disposition"] = content_disposition_header(True, name_of_it) or "attachment"
    response["Cache-Control"] = "no-store"
    return response


@of_a_machine
def upload(request: HttpRequest, sandbox: Sandbox) -> None:
    """A piece of a file, `?path=…&at=offset`, as bytes."""
    path, at = given(request.GET.get("path"), "path"), request.GET.get("at", "0")
    if not at.isdecimal() or len(at) > 9 or int(at) > editing.UPLOAD_BYTES:
        raise ProblemError(413 if at.isdecimal() else 400, "too-large", f"at most {editing.UPLOAD_BYTES} bytes")
    data = request.read(editing.PIECE_BYTES + 1)
    if len(data) > editing.PIECE_BYTES:
        raise ProblemError(413, "too-large", f"at most {editing.PIECE_BYTES} bytes in one piece")
    acted(sandbox, editing.piece, path, data, int(at))


def given(path: Any, name: str) -> str:
    """An absolute path that execve(2) can take."""
    if not isinstance(path, str) or not path.startswith("/") or "\0" in path or len(path) > LONGEST_PATH:
        raise ProblemError(400, "bad-path", f"{name}: an absolute path of the machine")
    if any("\ud800" <= letter <= "\udfff" for letter in path):
        raise ProblemError(400, "bad-path", f"{name}: not text")
    return path


def acted(sandbox: Sandbox, act: Any, *words: Any) -> Any:
    """Do it in the machine, as the lesson's user; what the machine says becomes a problem."""
    try:
        return act(sandbox, user_of(sandbox), *words)
    except editing.EditFailed as error:
        raise ProblemError(STATUS.get(error.code, 409), error.code, str(error)) from error
    except gateway.GatewayError as error:
        raise ProblemError(503, "unavailable", "the machine does not answer") from error


def user_of(sandbox: Sandbox) -> str:
    """Who the learner is in the machine."""
    lesson = lessonbook.of_lab(sandbox.lab)
    return lesson.user if lesson else "root"
