"""States of machines that have come up, kept so that later ones need not boot: one file for each kind.

A file's name says all that the state depends on: the layers that QEMU, kernel and disk come from, the memory,
the accelerator, the host's counter as it was measured after its last start, whether there is a cable, and the
host name, which the shell that waits in it shows. Where any of it differs, another file is made and the old one
is not found again; the least used go first.

The file is written by QEMU, which nobody trusts once a student is in the guest. It has no name until the
writer is known to be gone: the kernel grants a read lease only on what nobody can write to.

See open(2) O_TMPFILE, fcntl(2) F_SETLEASE, linkat(2).
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from runtime.errors import RefusedError
from runtime.paths import Paths

PREFIX = 16  # characters of a name that say whose room it is
MOST = 8  # files of some sixty mebibytes
SETTING = "VITRINE_VM_SNAPSHOTS"


def wanted() -> bool:
    """Whether the setting lets machines begin with a state; a wrong value is refused."""
    text = os.environ.get(SETTING, "1")
    if text not in ("0", "1"):
        raise RefusedError("setting", None, f"{SETTING}: {text!r} is neither 0 nor 1")
    return text == "1"


def place(paths: Paths) -> Path:
    return paths.machines / "snapshots"


def find(paths: Paths, layers: Sequence[Path], command: Sequence[str], hostname: str, *, cable: bool) -> Path:
    """Where the state of this kind is or will be; `command` is the supervisor's, which names all else. The room,
    which is the topmost layer, comes first in the name: who removes a room finds what belongs to it."""
    words = [*(layer.name for layer in layers), *command, hostname, "cable" if cable else ""]
    return place(paths) / f"{layers[-1].name[:PREFIX]}-{hashlib.sha256(chr(0).join(words).encode()).hexdigest()[:32]}"


def use(file: Path) -> int | None:
    """A descriptor of it, and it is young again; None when there is none yet."""
    try:
        fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    os.utime(fd)
    return fd


def draft(file: Path) -> tuple[int, int]:
    """A file without a name: a descriptor to write it by, and one to keep it by."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    writer = os.open(file.parent, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o400)
    return writer, os.open(f"/proc/self/fd/{writer}", os.O_RDONLY | os.O_CLOEXEC)


def keep(kept: int, file: Path) -> bool:
    """Give the draft its name; False as long as somebody may still write to it."""
    try:
        fcntl.fcntl(kept, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        if error.errno == errno.EAGAIN:
            return False
        raise
    fcntl.fcntl(kept, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    directory = os.open(file.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:  # with a descriptor, or Python calls link(2), which would give a name to the link in /proc
        os.link(f"/proc/self/fd/{kept}", file.name, dst_dir_fd=directory)
    except FileExistsError:
        pass  # two machines of a kind came up together
    finally:
        os.close(directory)
    prune(file.parent)
    return True


def prune(directory: Path) -> None:
    """Remove the least used beyond MOST. Whoever reads one keeps it until then."""
    for file in sorted(directory.iterdir(), key=_age)[MOST:]:
        file.unlink(missing_ok=True)


def _age(file: Path) -> float:
    """Negative seconds since it was used; what another has just removed is oldest."""
    try:
        return -file.stat().st_mtime
    except FileNotFoundError:
        return 0.0
