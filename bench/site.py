"""A lab of the running site, opened as a guest's browser would open it."""

from __future__ import annotations

import contextlib
import http.cookiejar
import json
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any


class Site:
    """A visitor with a cookie jar."""

    def __init__(self, base: str) -> None:
        self.base = base.rstrip("/")
        self.jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))

    def cookie(self, name: str) -> str:
        """The value of a cookie."""
        return next((one.value or "" for one in self.jar if one.name == name), "")

    def get(self, path: str) -> str:
        """Fetch a page."""
        with self.opener.open(self.base + path, timeout=30) as response:
            return response.read().decode()

    def send(self, method: str, path: str, data: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send JSON to the API."""
        headers = {
            "Content-Type": "application/json",
            "X-CSRFToken": self.cookie("csrftoken"),
            "Referer": self.base + "/",
            "Origin": self.base,
        }
        body = json.dumps(data or {}).encode()
        request = urllib.request.Request(self.base + path, body, headers, method=method)
        with self.opener.open(request, timeout=60) as response:
            return json.loads(response.read() or b"{}")

    def headers(self) -> dict[str, str]:
        """What a browser sends along when it opens a websocket."""
        return {"Origin": self.base, "Cookie": "; ".join(f"{one.name}={one.value}" for one in self.jar)}


def first_lesson(site: Site) -> str:
    """The slug of the first lesson, whose page also sets the CSRF cookie."""
    courses = json.loads(site.get("/api/v1/lessons"))["courses"]
    slug = next(lesson["slug"] for course in courses for lesson in course["lessons"])
    site.get(f"/lessons/{slug}/")
    return slug


def wait_running(site: Site, code: str, seconds: float = 60) -> dict[str, Any]:
    """Wait until every sandbox of the lab runs."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        lab = json.loads(site.get(f"/api/v1/labs/{code}"))
        if all(sandbox["status"] == "running" for sandbox in lab["sandboxes"]):
            return lab
        time.sleep(0.2)
    raise TimeoutError(f"lab {code} does not run after {seconds:.0f} s")


@contextlib.contextmanager
def lab_terminal(base: str) -> Iterator[tuple[str, dict[str, str], str]]:
    """The websocket address of a lab's first terminal, the headers to open it with, the sandbox's runtime id."""
    site = Site(base)
    opened = site.send("POST", "/api/v1/labs", {"lesson": first_lesson(site)})
    try:
        lab = wait_running(site, opened["code"])
        first = lab["sandboxes"][0]
        address = urllib.parse.urljoin(base.replace("http", "ws", 1), first["terminals"][0]["ws"])
        yield address, site.headers(), f"{opened['code'][:12]}-{first['name']}".lower()
    finally:
        site.send("DELETE", f"/api/v1/labs/{opened['code']}")
