"""References: how people name images, `[registry[:port]/]path[:tag]`.

`linux` is short for `linux:latest`, and `docker.io/library/linux` is what docker calls the same.
The name is written whole into the layout, so other tools find it under what we show.

See the distribution specification's grammar of references. A name never becomes a path here:
blobs are named by digest, so `../` in a name could reach nothing; it is refused all the same.
"""

from __future__ import annotations

import re

from runtime.errors import SpecError

_PART = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::[0-9]{1,5})?/)?"
REFERENCE = re.compile(rf"(?P<path>{_HOST}{_PART}(?:/{_PART})*)(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}}))?")
ALIASES = ("docker.io/library/", "index.docker.io/library/", "docker.io/", "index.docker.io/")


def normalise(name: str) -> str:
    """The whole name, with its tag; SpecError if it is none."""
    short = name
    for alias in ALIASES:
        if name.startswith(alias):
            short = name.removeprefix(alias)
            break
    if re.fullmatch("sha256:[0-9a-f]*", short):
        raise SpecError("image", f"{name[:80]!r} is a digest, not a name")
    match = REFERENCE.fullmatch(short) if len(short) <= 255 else None
    if match is None:
        raise SpecError("image", f"{name[:80]!r} is not a name such as linux, linux:v2 or registry.lab:5000/app:v2")
    return f"{match['path']}:{match['tag'] or 'latest'}"


def is_reference(name: str) -> bool:
    """Whether this is a name at all."""
    try:
        normalise(name)
    except SpecError:
        return False
    return True


def familiar(name: str) -> str:
    """As people say it: without `:latest`."""
    return name.removesuffix(":latest")


def qualified(name: str) -> str:
    """With the registry that docker takes for granted: docker.io/library/linux:latest."""
    whole = normalise(name)
    first, slash, _ = whole.partition("/")
    if not slash:
        return f"docker.io/library/{whole}"
    return whole if "." in first or ":" in first or first == "localhost" else f"docker.io/{whole}"
