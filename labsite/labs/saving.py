"""Save: write a file that the lesson shows, where the lesson says.

The page names a block by its number, never a path or a text, so all it can ask for is what the
author wrote. The file is written by a process inside, with the rights of the learner's user or of
the owner the lesson names. Doing it twice changes nothing: a text that is there already is not
added again, whatever became of the first answer.
"""

from labsite.labs import gateway
from labsite.labs.models import Sandbox
from lessons.catalog import Save

LARGEST = 1 << 20
WRITE = 'mkdir -p -- "$(dirname -- "$1")" && cat > "$1" && { [ -z "$2" ] || chmod -- "$2" "$1"; }'
READ = '[ ! -e "$1" ] || cat -- "$1"'


class SaveFailed(Exception):
    """The machine refused; the text is its own, for the learner."""


def save(sandbox: Sandbox, block: Save, user: str) -> None:
    """Write the file whole, or add what the block holds to it."""
    owner = block.owner or user
    old = _run(sandbox, owner, b"", READ, block.path).decode("utf-8", "surrogateescape") if block.how != "file" else ""
    text = changed(block, old)
    mode = f"{block.mode:04o}" if block.mode is not None else ""
    _run(sandbox, owner, text.encode("utf-8", "surrogateescape"), WRITE, block.path, mode)


def changed(block: Save, old: str) -> str:
    """The text of the file afterwards."""
    if block.how == "file":
        return block.content
    if block.content in old:
        return old
    if block.how == "append":
        return old + ("" if not old or old.endswith("\n") else "\n") + block.content
    lines = old.splitlines(keepends=True)
    at = next((n for n, line in enumerate(lines) if block.at in line), None)
    if at is None:
        raise SaveFailed(f"{block.path}: no line holds {block.at!r}")
    return "".join([*lines[:at], block.content, *lines[at:]])


def _run(sandbox: Sandbox, user: str, stdin: bytes, script: str, *words: str) -> bytes:
    command = ["/bin/sh", "-c", script, "sh", *words]
    result = gateway.exec(sandbox, command, user=user, stdin=stdin, timeout=10.0, limit=LARGEST)
    if result.code:
        raise SaveFailed(result.stderr.decode("utf-8", "replace").strip() or f"status {result.code}")
    return bytes(result.stdout)
