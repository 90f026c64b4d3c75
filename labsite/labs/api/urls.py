"""Addresses of the API."""

from django.http import HttpRequest, HttpResponse
from django.urls import path, re_path

from labsite.labs.api import comparison, files, views
from labsite.labs.api.endpoint import endpoint
from labsite.labs.api.openapi import document
from labsite.labs.api.problems import ProblemError

app_name = "api"


def nothing_here(request: HttpRequest) -> HttpResponse:
    """Any other address below /api/v1/."""
    return ProblemError(404, "no-address", "there is nothing at this address").response()


urlpatterns = [
    path("openapi.json", endpoint(GET=lambda request: document()), name="openapi"),
    path("lessons", endpoint(GET=views.list_lessons), name="lessons"),
    path(
        "lessons/<slug:course>/<slug:lesson>/quizzes/<slug:quiz>",
        endpoint(POST=views.answer_lesson_quiz),
        name="lesson_quiz",
    ),
    path("labs", endpoint(POST=views.open_lab), name="labs"),
    path("labs/<slug:code>", endpoint(GET=views.show_lab, DELETE=views.end_lab), name="lab"),
    path("labs/<slug:code>/extend", endpoint(POST=views.extend_lab), name="extend"),
    path("labs/<slug:code>/steps/<slug:step>/check", endpoint(POST=views.check_step), name="check"),
    path("labs/<slug:code>/steps/<slug:step>/save", endpoint(POST=views.save_block), name="save"),
    path("labs/<slug:code>/steps/<slug:step>/undo", endpoint(POST=views.undo_step), name="undo"),
    path("labs/<slug:code>/steps/<slug:step>/catch-up", endpoint(POST=views.catch_up), name="catch_up"),
    path("labs/<slug:code>/quizzes/<slug:quiz>", endpoint(POST=views.answer_quiz), name="quiz"),
    path("labs/<slug:code>/sandboxes/<slug:name>/reset", endpoint(POST=views.reset_sandbox), name="reset"),
    path(
        "labs/<slug:code>/sandboxes/<slug:name>/files",
        endpoint(GET=files.list_files, POST=files.change_file, DELETE=files.remove_file),
        name="files",
    ),
    path("labs/<slug:code>/sandboxes/<slug:name>/file", endpoint(GET=files.read_file, PUT=files.write_file), name="file"),
    path("labs/<slug:code>/sandboxes/<slug:name>/raw", endpoint(GET=files.download, PUT=files.upload), name="raw"),
    path("labs/<slug:code>/xray", endpoint(GET=views.show_xray), name="xray"),
    path("labs/<slug:code>/compare", endpoint(GET=comparison.show_compare), name="compare"),
    path("labs/<slug:code>/race", endpoint(POST=comparison.start_race), name="race"),
    re_path(r"^.*$", nothing_here),
]
