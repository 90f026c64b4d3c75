"""What every address of the API does first: method, who, CSRF, JSON; and problems at the end.

A bearer token proves itself. A session cookie is sent by the browser whoever made it ask,
so a request with only a cookie must pass Django's CSRF check as any form does.
"""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.views.decorators.csrf import csrf_exempt

from labsite.accounts.models import ApiToken
from labsite.labs.api.problems import ProblemError

View = Callable[..., Any]


class CsrfCheck(CsrfViewMiddleware):
    """Django's check, giving the reason instead of a page."""

    def _reject(self, request: HttpRequest, reason: str) -> str:
        return reason


def endpoint(**methods: View) -> View:
    """A view from one function a method; each returns data, or (data, status)."""

    @csrf_exempt  # checked in `identify`, for cookies only
    def view(request: HttpRequest, **arguments: Any) -> HttpResponse:
        try:
            handler = methods.get(request.method or "")
            if handler is None:
                raise ProblemError(405, "method-not-allowed", f"use {', '.join(sorted(methods))}")
            identify(request)
            return answer(handler(request, **arguments))
        except ProblemError as problem:
            return problem.response()

    return wraps(next(iter(methods.values())))(view)


def identify(request: HttpRequest) -> None:
    """Set request.user from a bearer token, or keep the session's and check CSRF."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        user = ApiToken.find_user(token.strip())
        request.user = user or AnonymousUser()
        if user is None:
            raise ProblemError(401, "bad-token", "the bearer token is not known")
        return
    check = CsrfCheck(lambda _: HttpResponse())
    check.process_request(request)
    reason = check.process_view(request, lambda: None, (), {})
    if reason:
        raise ProblemError(403, "csrf", str(reason))


def answer(result: Any) -> HttpResponse:
    """Data as JSON; None is 204; a response is itself."""
    if isinstance(result, HttpResponse):
        return result
    data, status = result if isinstance(result, tuple) else (result, 200)
    if data is None:
        return HttpResponse(status=204)
    response = JsonResponse(data, status=status)
    response["Cache-Control"] = "no-store"
    return response


def body(request: HttpRequest) -> dict[str, Any]:
    """The JSON object sent; an empty body is an empty object."""
    try:
        sent = request.body
    except RequestDataTooBig as error:
        raise ProblemError(413, "too-large", f"at most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes") from error
    if not sent:
        return {}
    if request.content_type != "application/json":
        raise ProblemError(415, "not-json", f"not {request.content_type}")
    try:
        found = json.loads(sent)
    except (ValueError, RecursionError) as error:
        raise ProblemError(400, "bad-json", str(error)) from error
    if not isinstance(found, dict):
        raise ProblemError(400, "bad-json", "the body must be an object")
    return found
