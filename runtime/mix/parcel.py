"""The mixer as one file that a sandbox's own Python can run: a zip archive of source.

It holds these modules and those of the runtime below them, as they are here, and nothing else:
what makes a mix inside is the text that the pages show. See zipimport in Python's library.
"""

from __future__ import annotations

import io
import zipfile
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
PLACE = "/run/vitrine-mix.pyz"
MAIN = "from runtime.mix.making import main\n\nmain()\n"
# What Python compiles of its own library stays in /run: the upper layer shows what a mix writes, and no more.
COMMAND = ["/usr/bin/python3", "-I", "-S", "-X", "pycache_prefix=/run/vitrine-mix", PLACE]
MODULES = (
    "errors events plan mix/recipe mix/acts mix/fences mix/making "
    "linux/capabilities linux/cgroups linux/constants linux/seccomp linux/seccomp_numbers linux/syscalls"
).split()
PACKAGES = ("", "linux", "mix")


@cache
def pack() -> bytes:
    """The archive."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("__main__.py", MAIN)
        for name in (*MODULES, *(f"{package}/__init__".lstrip("/") for package in PACKAGES)):
            archive.write(PACKAGE / f"{name}.py", f"runtime/{name}.py")
    return held.getvalue()
