"""The editor's acts: every one a short-lived process in the machine, with the learner's rights and root directory.

So a path can lead nowhere that a command of hers could not, whatever links or mounts she has made. What is read and
written is bounded; a file that changed since it was read is not overwritten without being told.
"""

import hashlib
from dataclasses import dataclass

from labsite.labs import gateway
from labsite.labs.models import Sandbox

TEXT_BYTES = 512 << 10
RAW_BYTES = 8 << 20
PIECE_BYTES = 512 << 10
UPLOAD_BYTES = 64 << 20
MOST_NAMES = 2000
MISSING, CHANGED, EXISTS, OTHER = 40, 41, 42, 43

LIST = f"""cd -- "$1" 2>/dev/null || exit {MISSING}
n=0
for f in .* *; do
  case $f in .|..) continue;; esac
  if [ -d "$f" ]; then k=d; elif [ -f "$f" ]; then k=f; elif [ -e "$f" ] || [ -L "$f" ]; then k=o; else continue; fi
  printf '%s%s/' "$k" "$f"; n=$((n + 1)); [ $n -lt {MOST_NAMES} ] || break
done"""
READ = f"""[ -e "$1" ] || exit {MISSING}
[ -f "$1" ] || exit {OTHER}
head -c "$2" -- "$1" """
WRITE = f"""[ ! -d "$1" ] || exit {OTHER}
if [ "$2" = new ]; then [ ! -e "$1" ] || exit {EXISTS}
elif [ "$2" != any ]; then
  [ -f "$1" ] || exit {CHANGED}
  set -- "$1" "$2" $(sha256sum < "$1"); [ "$3" = "$2" ] || exit {CHANGED}
fi
mkdir -p -- "$(dirname -- "$1")" && cat > "$1" """
PIECE = f"""[ ! -d "$1" ] || exit {OTHER}
if [ "$2" = 0 ]; then cat > "$1"; else [ "$(wc -c < "$1")" -eq "$2" ] || exit {CHANGED}; cat >> "$1"; fi"""
MOVE = f"""[ -e "$1" ] || [ -L "$1" ] || exit {MISSING}
[ ! -e "$2" ] || exit {EXISTS}
mv -- "$1" "$2" """
MAKE = f"""[ ! -e "$1" ] || exit {EXISTS}
mkdir -p -- "$1" """
REMOVE = f"""[ -e "$1" ] || [ -L "$1" ] || exit {MISSING}
rm -rf -- "$1" """
CODES = {MISSING: "missing", CHANGED: "changed", EXISTS: "exists", OTHER: "not-a-file"}


class EditFailed(Exception):
    """The machine refused. `code` is for the page, the text is the machine's own."""

    def __init__(self, code: str, words: str = "") -> None:
        super().__init__(words or code)
        self.code = code


@dataclass(frozen=True)
class Text:
    """A file as the editor shows it; `version` tells whether it is still the same."""

    text: str | None  # None: not text, or too much of it
    version: str
    size: int
    why: str = ""  # binary | too-large


def names(sandbox: Sandbox, user: str, path: str) -> list[dict[str, str]]:
    """What is in a directory: names and kinds, directories first."""
    said = _run(sandbox, user, LIST, path, limit=4 << 20).split(b"/")
    found = [(chr(each[0]), each[1:].decode("utf-8", "surrogateescape")) for each in said if each]
    kinds = {"d": "directory", "f": "file", "o": "other"}
    plain = [(kind, name) for kind, name in found if not any("\ud800" <= letter <= "\udfff" for letter in name)]
    return [
        {"name": name, "kind": kinds[kind]} for kind, name in sorted(plain, key=lambda each: (each[0] != "d", each[1].lower()))
    ]


def read(sandbox: Sandbox, user: str, path: str) -> Text:
    """A file as text."""
    data = _run(sandbox, user, READ, path, str(TEXT_BYTES + 1), limit=TEXT_BYTES + 1)
    if len(data) > TEXT_BYTES:
        return Text(None, "", len(data), "too-large")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        return Text(None, "", len(data), "binary")
    return Text(text, version(data), len(data))


def write(sandbox: Sandbox, user: str, path: str, text: str, known: str) -> str:
    """Save a file that is still at the version `known`, or is `new`, or is overwritten at `any` version; its new version."""
    data = text.encode("utf-8", "surrogatepass")
    _run(sandbox, user, WRITE, path, known, stdin=data)
    return version(data)


def raw(sandbox: Sandbox, user: str, path: str) -> bytes:
    """A file's bytes."""
    data = _run(sandbox, user, READ, path, str(RAW_BYTES + 1), limit=RAW_BYTES + 1)
    if len(data) > RAW_BYTES:
        raise EditFailed("too-large")
    return data


def piece(sandbox: Sandbox, user: str, path: str, data: bytes, at: int) -> None:
    """A piece of an upload; the first begins the file anew."""
    _run(sandbox, user, PIECE, path, str(at), stdin=data)


def move(sandbox: Sandbox, user: str, path: str, to: str) -> None:
    """Another name; never over something that is there."""
    _run(sandbox, user, MOVE, path, to)


def make_directory(sandbox: Sandbox, user: str, path: str) -> None:
    """A new directory."""
    _run(sandbox, user, MAKE, path)


def remove(sandbox: Sandbox, user: str, path: str) -> None:
    """A file, or a directory with all that is in it."""
    _run(sandbox, user, REMOVE, path)


def version(data: bytes) -> str:
    """What sha256sum says of it in the machine."""
    return hashlib.sha256(data).hexdigest()


def _run(sandbox: Sandbox, user: str, script: str, *words: str, stdin: bytes = b"", limit: int = 4096) -> bytes:
    command = ["/bin/sh", "-c", script, "sh", *words]
    result = gateway.exec(sandbox, command, user=user, stdin=stdin, timeout=10.0, limit=limit, aside=True)
    if result.timed_out:
        raise EditFailed("slow", "it did not end in time")
    if result.code:
        words_of_it = result.stderr.decode("utf-8", "replace").strip().removeprefix("sh: ")
        raise EditFailed(CODES.get(result.code, "refused"), words_of_it or f"status {result.code}")
    return bytes(result.stdout)
