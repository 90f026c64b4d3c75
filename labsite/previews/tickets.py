"""How somebody whom the site knows becomes known to a preview, which never sees the site's cookies.

The site gives a ticket: signed, good for a minute and for one use. The preview's origin takes it for a cookie of its
own, which names the preview and the learner and is compared with the lab's row at every request.
"""

import hashlib
from typing import Any

from django.conf import settings
from django.core import signing
from django.core.cache import cache

ENTER = "/.vitrine/enter"
COOKIE = "__Host-vitrine-preview" if settings.PREVIEW_ORIGIN.startswith("https:") else "vitrine-preview"
TICKET_SECONDS = 60


def ticket(token: str, user: int, path: str) -> str:
    """A ticket for one preview, with the page to show."""
    return signing.dumps({"t": token, "u": user, "to": path}, salt="vitrine.preview.ticket")


def redeem(token: str, given: str) -> dict[str, Any] | None:
    """What a ticket says; None if it is forged, late, for another preview, or was used."""
    try:
        found: dict[str, Any] = signing.loads(given, salt="vitrine.preview.ticket", max_age=TICKET_SECONDS)
    except signing.BadSignature:
        return None
    once = "preview-ticket:" + hashlib.sha256(given.encode()).hexdigest()
    return found if found["t"] == token and cache.add(once, 1, TICKET_SECONDS) else None


def cookie(token: str, user: int) -> str:
    """The whole Set-Cookie line: of this origin only, out of reach of its scripts."""
    value = signing.dumps({"t": token, "u": user}, salt="vitrine.preview.cookie")
    secure = "; Secure" if COOKIE.startswith("__Host-") else ""
    return f"{COOKIE}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={settings.LAB_MAX_MINUTES * 60}{secure}"


def holder(token: str, value: str) -> int | None:
    """Whose cookie this is; None if it is not for this preview."""
    try:
        found = signing.loads(value, salt="vitrine.preview.cookie", max_age=settings.LAB_MAX_MINUTES * 60)
    except signing.BadSignature:
        return None
    return int(found["u"]) if found["t"] == token else None


def origin(token: str) -> str:
    """Where a preview is."""
    return str(settings.PREVIEW_ORIGIN).replace("*", token, 1)


def token_of(host: str) -> str:
    """The token in a Host header; empty if that names no preview of ours."""
    before, after = settings.PREVIEW_ORIGIN.partition("://")[2].split("*")
    token = host.lower()[len(before) : len(host) - len(after)]
    whole = f"{before}{token}{after}" == host.lower()
    return token if whole and len(token) == 32 and token.isalnum() else ""
