"""What a visitor reads when something we stand on is away: the database, Redis, the queue.

Django calls this for every exception that nobody caught. An outage is not a fault of ours: it is told as
one, with 503 and a time to try again. Terminals that are open go on all the while, since their bytes
take neither way. Everything else is 500, without a word of what happened.
"""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from kombu.exceptions import OperationalError as QueueError
from redis.exceptions import RedisError

from labsite.labs.api.problems import ProblemError

AWAY = (OperationalError, InterfaceError, QueueError, RedisError)
AGAIN = "20"  # seconds; by then the reconciler has looked


def broken(request: HttpRequest) -> HttpResponse:
    """handler500: 503 for an outage, else 500; a page, or a problem document below /api/."""
    away = isinstance(sys.exc_info()[1], AWAY)
    if request.path.startswith("/api/"):
        response: HttpResponse = _problem(away)
    else:
        response = _page(request, away)
    if away:
        response["Retry-After"] = AGAIN
    return response


def _problem(away: bool) -> HttpResponse:
    if away:
        return ProblemError(503, "outage", "a part of this site is away for the moment: try again").response()
    return ProblemError(500, "broken", "something broke on our side; it has been recorded").response()


def _page(request: HttpRequest, away: bool) -> HttpResponse:
    if away:
        return HttpResponse(render_to_string("503.html"), status=503)
    return render(request, "500.html", status=500)
