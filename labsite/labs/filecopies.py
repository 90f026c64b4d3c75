"""The files a lesson brings along: into the machine before its first script."""

import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from labsite.labs import gateway
from labsite.labs.models import Sandbox
from lessons.catalog import FileCopy


class CopyFailed(Exception):
    """A file could not be put in place; the text is for the author."""


def copy(sandbox: Sandbox, copies: Iterable[FileCopy]) -> None:
    """Put every file in its place; who owns it is decided by the names in the machine."""
    for each in copies:
        for source, target in targets(each):
            mode = each.mode if each.mode is not None else stat.S_IMODE(source.stat().st_mode) & 0o755 | 0o600
            gateway.put(sandbox, target, source.read_bytes(), mode)
        if each.owner != "root":
            _own(sandbox, each)


def targets(copy: FileCopy) -> Iterator[tuple[Path, str]]:
    """Which file goes where: a directory as a tree, a name ending in / keeps the file's own."""
    base = copy.to.rstrip("/") or ""
    if copy.source.is_file():
        yield copy.source, f"{base}/{copy.source.name}" if copy.to.endswith("/") else copy.to
        return
    for path in sorted(copy.source.rglob("*")):
        if path.is_file():
            yield path, f"{base}/{path.relative_to(copy.source)}"


def _own(sandbox: Sandbox, copy: FileCopy) -> None:
    places = [target for _, target in targets(copy)] if copy.source.is_file() else [copy.to]
    result = gateway.exec(sandbox, ["chown", "-R", "--", copy.owner, *places], timeout=20.0)
    if result.code:
        raise CopyFailed(f"files: {copy.source.name}: {result.stderr.decode(errors='replace').strip()}")
