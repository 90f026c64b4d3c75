"""Read settings from the environment, and stop with a sentence when one is wrong.

A site that starts with half its settings fails later, in front of a learner. Here every
variable has one type and one default; a value that cannot be read names itself.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

TRUE, FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}


def flag(name: str, default: bool = False) -> bool:
    """A yes-or-no variable."""
    value = os.environ.get(name)
    if value is None:
        return default
    if value.lower() in TRUE:
        return True
    if value.lower() in FALSE:
        return False
    raise ImproperlyConfigured(f"{name}={value!r} is neither yes nor no (use 1 or 0)")


def number(name: str, default: int) -> int:
    """A whole number, zero or more."""
    value = os.environ.get(name, str(default))
    if not value.isdecimal():
        raise ImproperlyConfigured(f"{name}={value!r} is not a whole number")
    return int(value)


def words(name: str, default: str) -> list[str]:
    """A list separated by commas."""
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


def pairs(name: str, default: str) -> dict[str, str]:
    """name=value, separated by commas."""
    found = dict(word.partition("=")[::2] for word in words(name, default))
    for key, value in found.items():
        if not key or not value:
            raise ImproperlyConfigured(f"{name}: {key!r} is not name=value (use debian-12=linux,ubuntu=linux)")
    return found


def origins(name: str, default: str) -> list[str]:
    """A list of origins, each exactly scheme://host[:port]."""
    found = words(name, default)
    for origin in found:
        parts = urlsplit(origin)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or "*" in origin:
            raise ImproperlyConfigured(f"{name}: {origin!r} is not an origin such as https://labs.example.org")
    return found


def apart(name: str, default: str, ours: list[str]) -> str:
    """An origin with * for its first label, that shares no parent with ours: cookies of one would reach the other."""
    found = os.environ.get(name, default)
    parts = urlsplit(found)
    host = (parts.hostname or "").removeprefix("*.")
    if parts.scheme not in {"http", "https"} or found.count("*") != 1 or "://*." not in found or not host or parts.path:
        raise ImproperlyConfigured(f"{name}={found!r} is not an origin such as https://*.previews-example.net")
    for origin in ours:
        own = urlsplit(origin).hostname or ""
        if own != "localhost" and _site(own) == _site(host):
            raise ImproperlyConfigured(
                f"{name}={found!r} is of the same domain as {origin}: what a sandbox serves could set cookies there "
                "(use a domain of its own)"
            )
    return found


def _site(host: str) -> tuple[str, ...]:
    """The labels that cookies may be shared by: the last two, or three under such as co.uk."""
    labels = host.split(".")
    deep = len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3
    return tuple(labels[-3:] if deep else labels[-2:])


def secret_key(state: Path) -> str:
    """DJANGO_SECRET_KEY, or the key bootstrap left in the state directory."""
    if key := os.environ.get("DJANGO_SECRET_KEY"):
        return key
    path = state / "secret-key"
    try:
        key = path.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"no secret key: {path}: {error.strerror} (run script/bootstrap, or set DJANGO_SECRET_KEY)"
        ) from error
    if len(key) < 32:
        raise ImproperlyConfigured(f"{path} holds fewer than 32 characters (remove it and run script/bootstrap)")
    return key
