"""Pictures: served from the scenario's own repository, only if they are pictures.

Killercoda writes addresses relative to the Markdown file, Katacoda relative to the scenario, so
both are tried, then the repository. What is served is of a listed type by its name and its
first bytes; an SVG, which is a document and can hold scripts, goes out in a sandbox.
"""

import re
from pathlib import Path
from urllib.parse import quote, unquote

from lessons.foreign.repository import FILE_LIMIT, Repository

TYPES = {
    ".png": ("image/png", (b"\x89PNG\r\n\x1a\n",)),
    ".jpg": ("image/jpeg", (b"\xff\xd8\xff",)),
    ".jpeg": ("image/jpeg", (b"\xff\xd8\xff",)),
    ".gif": ("image/gif", (b"GIF87a", b"GIF89a")),
    ".webp": ("image/webp", (b"RIFF",)),
    ".svg": ("image/svg+xml", (b"<",)),
}


def address(repository: Repository, text: Path, scenario: Path, base: str, source: str) -> str | None:
    """Where the page finds a picture; an address elsewhere as it is; None for what is no picture."""
    if re.match(r"https?://", source, re.IGNORECASE):
        return source
    path = find(repository, text, scenario, source)
    return base + quote(repository.name(path)) if path else None


def find(repository: Repository, text: Path, scenario: Path, source: str) -> Path | None:
    """The file of a picture, looked for as each platform does."""
    words = unquote(re.split(r"[?#]", source.strip(), maxsplit=1)[0])
    words = words.removeprefix("/") if not words.startswith("//") else ""
    if Path(words).suffix.lower() not in TYPES:
        return None
    for base in (text.parent, scenario, repository.root, scenario / "assets"):
        path = repository.locate(base, words, within=repository.root)
        if path and path.is_file():
            return path
    return None


def load(repository: Repository, name: str) -> tuple[bytes, str] | None:
    """Bytes and type of a picture by its name in the repository; None if it may not be served."""
    path = repository.locate(repository.root, name)
    if path is None or path.suffix.lower() not in TYPES:
        return None
    kind, starts = TYPES[path.suffix.lower()]
    try:
        data = repository.read(path, FILE_LIMIT)
    except (OSError, ValueError):
        return None
    head = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n") if kind == "image/svg+xml" else data[:64]
    return (data, kind) if head.startswith(starts) else None
