"""From an executed command to the prompt it prints on a pty."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time

from bench.view import enter

PROMPT = (b"# ", b"$ ")
PATIENCE = 20.0


class NoPromptError(RuntimeError):
    """The command ended, or said something else for too long."""


def plain(data: bytes) -> bytes:
    """Output without the mode switches that readline sends around a prompt."""
    for code in (b"\x1b[?2004h", b"\x1b[?2004l", b"\x1b[?1034h"):
        data = data.replace(code, b"")
    return data


def at_prompt(data: bytes) -> bool:
    """Whether the output so far ends in a shell's prompt."""
    return plain(data).endswith(PROMPT)


def wait_prompt(descriptor: int, deadline: float) -> bytes:
    """Read a pty until a prompt stands at its end."""
    seen = b""
    while not at_prompt(seen):
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise NoPromptError(f"no prompt in {PATIENCE:.0f} s: {seen[-200:]!r}")
        try:
            chunk = os.read(descriptor, 65536)
        except OSError:
            chunk = b""
        if not chunk:
            raise NoPromptError(f"ended before its prompt: {seen[-200:]!r}")
        seen += chunk
    return seen


def wait_exit(pid: int, seconds: float) -> bool:
    """Whether a child ended within some seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return True
        time.sleep(0.01)
    return False


def end(pid: int, descriptor: int) -> None:
    """Leave the shell; kill what stays."""
    with contextlib.suppress(OSError):
        os.write(descriptor, b"exit\r")
    if not wait_exit(pid, 10):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def execute(command: list[str], view: int | None) -> None:
    """Become the command; in the child only."""
    try:
        enter(view)
        os.execvp(command[0], command)
    finally:
        os._exit(127)


def measure(command: list[str], view: int | None = None) -> float:
    """Milliseconds from the start of a command, on a pty of its own, to its prompt."""
    start = time.monotonic()
    pid, master = os.forkpty()
    if not pid:
        execute(command, view)
    try:
        wait_prompt(master, start + PATIENCE)
        return (time.monotonic() - start) * 1000
    finally:
        end(pid, master)
        os.close(master)
