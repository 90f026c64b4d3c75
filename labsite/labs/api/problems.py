"""Errors as RFC 9457 problem documents."""

from typing import Any

from django.http import JsonResponse

RETRY_AFTER = "60"  # seconds; a place may be free by then
TITLES = {
    400: "Bad request",
    401: "Not signed in",
    403: "Refused",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    410: "Ended",
    413: "Too large",
    415: "Send application/json",
    429: "Limit reached",
    500: "Something broke",
    503: "Service unavailable",
}


class ProblemError(Exception):
    """An answer that is an error; raised anywhere in a view of the API."""

    def __init__(self, status: int, code: str, detail: str = "", **members: Any) -> None:
        super().__init__(f"{code}: {detail}")
        self.status, self.code, self.detail, self.members = status, code, detail, members

    def response(self) -> JsonResponse:
        """The document."""
        body = {"type": f"urn:vitrine:problem:{self.code}", "title": TITLES[self.status], "status": self.status}
        if self.detail:
            body["detail"] = self.detail
        body |= {"code": self.code, **self.members}
        response = JsonResponse(body, status=self.status, content_type="application/problem+json")
        if self.status == 429:
            response["Retry-After"] = RETRY_AFTER
        return response
