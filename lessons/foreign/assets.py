"""Assets: files that are in the machine before any script runs.

A literal name lands under its base name in the target directory; what a pattern finds keeps
its path relative to `assets/`. Authors depend on both, down to `cd terraform/terraform`.
"""

import posixpath
import re
import stat
from pathlib import Path

from lessons.foreign.manifest import Asset, Manifest
from lessons.foreign.notes import Kind, Notes
from lessons.foreign.repository import FILE_LIMIT, Repository

TOTAL_LIMIT = 64 << 20
SYMBOLIC = re.compile(r"([ugoa]*)([+=-])([rwxX]*)")
SHIFTS = {"u": 6, "g": 3, "o": 0}
BITS = {"r": 4, "w": 2, "x": 1, "X": 1}
Upload = tuple[Path, str, int, int]  # source, absolute path inside, mode, number of the machine


def uploads(repository: Repository, manifest: Manifest, notes: Notes) -> list[Upload]:
    """Everything to copy, in the order of the manifest; what cannot be copied is a note."""
    if not manifest.assets:
        return []
    directory, file = manifest.path.parent / "assets", repository.name(manifest.path)
    if not repository.holds(directory):
        notes.add(Kind.REFUSED, file, manifest.assets[0].line, "assets leads out of the repository")
        return []
    names, found, total = repository.tree(directory), [], 0
    for asset in manifest.assets:
        for source, target in _matches(repository, directory, names, asset, file, notes):
            size = source.stat().st_size
            if size > FILE_LIMIT or total + size > TOTAL_LIMIT:
                notes.add(Kind.REFUSED, file, asset.line, f"asset {source.name}: too large ({size >> 10} KiB)")
                continue
            total += size
            found.append((source, target, mode(asset.chmod, source.stat().st_mode), asset.machine))
    notes.use("files copied", len(found))
    return found


def _matches(
    repository: Repository, directory: Path, names: list[str], asset: Asset, file: str, notes: Notes
) -> list[tuple[Path, str]]:
    """The files one entry means, each with its place inside."""
    words, target = asset.file.removeprefix("./").removeprefix("assets/"), _target(asset.target)
    if words.startswith("/") or ".." in words.split("/"):
        notes.add(Kind.REFUSED, file, asset.line, f"asset {asset.file} leads out of assets/")
        return []
    if "*" in words or "?" in words:
        pattern = glob(words)
        found = [(directory / name, posixpath.join(target, name)) for name in names if pattern.fullmatch(name)]
    else:
        path = repository.locate(directory, words)
        one = path is not None and path.is_file()
        found = [(path, posixpath.join(target, path.name))] if path and one else []
    if not found:
        notes.add(Kind.BROKEN, file, asset.line, f"asset {asset.file} does not exist")
    return found


def glob(words: str) -> re.Pattern[str]:
    """A pattern: `*` within a directory, `**` through any number of them."""
    parts = re.split(r"(\*\*/|\*+|\?)", words[:300])
    known = {"**/": r"(?:[^/]+/)*", "*": r"[^/]*", "?": r"[^/]"}
    return re.compile("".join(known.get(part) or (r".*" if part.startswith("**") else re.escape(part)) for part in parts))


def _target(words: str) -> str:
    """The absolute directory inside; `~` is /root."""
    words = "/root" + words[1:] if words == "~" or words.startswith("~/") else words
    return posixpath.normpath("/" + words.lstrip("/") if words.startswith("/") else "/root/" + words)


def mode(chmod: str, found: int) -> int:
    """The permissions chmod(1) would give a file that arrives as 0644, or 0755 if it is a program."""
    bits = 0o755 if found & stat.S_IXUSR else 0o644
    if re.fullmatch(r"[0-7]{3,4}", chmod):
        return int(chmod, 8) & 0o777
    for clause in chmod.split(","):
        if match := SYMBOLIC.fullmatch(clause.strip()):
            bits = _changed(bits, *match.groups())
    return bits


def _changed(bits: int, who: str, sign: str, what: str) -> int:
    wanted = sum({BITS[letter] for letter in what})
    for person in "ugo" if not who or "a" in who else who:
        mask = wanted << SHIFTS[person]
        if sign == "=":
            bits = bits & ~(7 << SHIFTS[person]) | mask
        else:
            bits = bits | mask if sign == "+" else bits & ~mask
    return bits
