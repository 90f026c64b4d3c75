"""What passes between a browser and a server in a sandbox, and what does not.

To the sandbox: no cookie and no password of the site, no word about the way the request took; Host and Origin as if the
browser sat beside it. To the browser: nothing that would reach beyond this one origin, and our own policy.

See RFC 9110 section 7.6.1 for what belongs to one hop only; security.md W-07 to W-10.
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from django.conf import settings

from labsite.headers import POLICY
from labsite.previews import tickets

Headers = list[tuple[bytes, bytes]]
HOP = {
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te", b"trailer",
    b"transfer-encoding", b"upgrade", b"http2-settings", b"expect",
}  # fmt: skip
NOT_IN = {b"authorization", b"cookie", b"host", b"origin", b"referer", b"forwarded", b"via", b"x-real-ip", b"x-csrftoken"}
NOT_OUT = {
    b"service-worker-allowed", b"clear-site-data", b"strict-transport-security", b"alt-svc", b"nel", b"report-to",
    b"reporting-endpoints", b"public-key-pins", b"referrer-policy", b"cross-origin-opener-policy", b"origin-agent-cluster",
    b"permissions-policy", b"x-frame-options", b"x-robots-tag", b"set-cookie2",
}  # fmt: skip
OURS: Headers = [
    (b"Content-Security-Policy", b"frame-ancestors 'self'"),
    (b"Referrer-Policy", b"same-origin"),
    (b"Cross-Origin-Opener-Policy", b"same-origin"),
    (b"Cross-Origin-Resource-Policy", b"same-origin"),
    (b"Origin-Agent-Cluster", b"?1"),
    (b"Permissions-Policy", POLICY.encode()),
    (b"X-Robots-Tag", b"noindex"),
]
OUR_COOKIES = {tickets.COOKIE, "sessionid", "csrftoken", "__Host-sessionid", "__Host-csrftoken", settings.SESSION_COOKIE_NAME}


def named(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    """The values of one header, as often as it was sent."""
    return [value for key, value in headers if key.lower() == name]


def cookies(headers: Headers) -> list[tuple[str, str]]:
    """The cookies of a request, in order."""
    pairs = b"; ".join(named(headers, b"cookie")).decode("latin-1").split(";")
    return [(name.strip(), value.strip()) for name, _, value in (pair.partition("=") for pair in pairs) if name.strip()]


def upgrades(method: bytes, headers: Headers) -> bool:
    """Is a websocket asked for?"""
    wanted = b",".join(named(headers, b"connection")).lower()
    return method == b"GET" and b"upgrade" in wanted and [v.lower() for v in named(headers, b"upgrade")] == [b"websocket"]


def inward(headers: Headers, token: str, port: int, upgrade: bool) -> Headers:
    """The head of a request as the sandbox gets it."""
    dropped = HOP | NOT_IN | _listed(headers)
    kept = [(key, value) for key, value in headers if key.lower() not in dropped and not key.lower().startswith(b"x-forwarded-")]
    here, there = tickets.origin(token).encode(), f"http://localhost:{port}".encode()
    kept.append((b"Host", f"localhost:{port}".encode()))
    kept += [(b"Origin", there) for _ in named(headers, b"origin")[:1]]
    kept += [(b"Referer", there + value[len(here) :]) for value in named(headers, b"referer")[:1] if value.startswith(here)]
    if theirs := [f"{name}={value}" for name, value in cookies(headers) if name not in OUR_COOKIES]:
        kept.append((b"Cookie", "; ".join(theirs).encode("latin-1")))
    if named(headers, b"transfer-encoding"):
        kept.append((b"Transfer-Encoding", b"chunked"))
    return kept + _connection(upgrade)


def outward(headers: Headers, token: str, port: int, upgrade: bool = False) -> Headers:
    """The head of an answer as the browser gets it."""
    dropped = HOP | NOT_OUT | _listed(headers) | {b"set-cookie", b"location"}
    kept = [(key, value) for key, value in headers if key.lower() not in dropped]
    kept += [(b"Set-Cookie", each) for value in named(headers, b"set-cookie") if (each := _own_cookie(value))]
    kept += [(b"Location", _location(value, token, port)) for value in named(headers, b"location")[:1]]
    return kept + OURS + _connection(upgrade)


def _connection(upgrade: bool) -> Headers:
    return [(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")] if upgrade else [(b"Connection", b"close")]


def _listed(headers: Headers) -> set[bytes]:
    """Headers that Connection names belong to this hop too."""
    return {word.strip().lower() for value in named(headers, b"connection") for word in value.split(b",")} - {b"content-length"}


def _own_cookie(value: bytes) -> bytes:
    """A cookie for this very host; nothing if it has the name of one of ours."""
    first, *attributes = value.split(b";")
    if first.partition(b"=")[0].strip().decode("latin-1") in OUR_COOKIES:
        return b""
    return b";".join([first, *(each for each in attributes if not re.match(rb"\s*domain\s*(=|$)", each, re.IGNORECASE))])


def _location(value: bytes, token: str, port: int) -> bytes:
    """Where the server believes to be becomes where it is seen; other addresses are the browser's to follow, not ours."""
    try:
        parts = urlsplit(value.decode("latin-1"))
        number = parts.port or 80
    except ValueError:
        return value
    if parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1") and number == port:
        return parts._replace(scheme="", netloc="").geturl().encode("latin-1") or b"/"
    return value
