"""Genuine: which of some files are no longer those of the image?

Whoever is root in a sandbox may replace any program in it, and a check that runs there would
then be told what she likes. From outside it can be seen: overlayfs copies a file into the upper
layer before it is changed, a deleted one leaves a whiteout there, and a directory deleted and
made again is marked opaque. What is hidden by a mount stands in the mount table of process 1.

Only the files asked for are looked up, so a million others cost nothing and hide nothing. The
walk goes directory by directory and follows no link: every name in there is the guest's choice.

See the kernel's overlayfs.rst, openat(2), proc_pid_mountinfo(5).
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from runtime.shim import requests
from runtime.shim.sandbox import Sandbox

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
OPAQUE = ("trusted.overlay.opaque", "user.overlay.opaque")


def answer(sandbox: Sandbox, fields: dict[str, Any]) -> dict[str, Any]:
    """The verb: which of `paths` are no longer the image's own."""
    sandbox.need_init()
    upper = sandbox.paths.sandbox(sandbox.id) / "disk/upper"
    return {"paths": replaced(upper, sandbox.container.init_pid, requests.words(fields, "paths")[:500])}


def replaced(upper: Path, init_pid: int, paths: Iterable[str]) -> list[str]:
    """The paths at which the guest now finds something else than its image has."""
    wanted = list(paths)
    covered = mounted(init_pid)
    root = os.open(upper, DIRECTORY)
    try:
        return [path for path in wanted if path in covered or changed(root, path)]
    finally:
        os.close(root)


def mounted(pid: int) -> set[str]:
    """What is mounted in the guest's first mount namespace, by target."""
    text = Path(f"/proc/{pid}/mountinfo").read_text(errors="replace")
    return {line.split(" ", 5)[4] for line in text.splitlines()}


def changed(root: int, path: str) -> bool:
    """Is there something of the guest's at this path, or on the way to it, in the upper layer?"""
    with contextlib.ExitStack() as opened:
        directory = root
        for name in path.strip("/").split("/"):
            mode = mode_of(name, directory)
            if mode is None:
                return opaque(directory)
            if not stat.S_ISDIR(mode):
                return True
            directory = os.open(name, DIRECTORY, dir_fd=directory)
            opened.callback(os.close, directory)
        return opaque(directory)


def mode_of(name: str, directory: int) -> int | None:
    """What lies there, links not followed; None for nothing."""
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return None


def opaque(directory: int) -> bool:
    """Does the upper directory hide the ones below it?"""
    for name in OPAQUE:
        with contextlib.suppress(OSError):
            if os.getxattr(directory, name) == b"y":
                return True
    return False
