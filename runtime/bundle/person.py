"""Who the bundle's program is: ids, capabilities, limits, the filter, and then the program itself.

The order is the one in which each act is still allowed: limits and the score need the host's power, the
bounding set needs CAP_SETPCAP, the ids go before the last capabilities, and the filter is loaded last
where no_new_privs makes that possible, or before the ids where it needs CAP_SYS_ADMIN.

See config.md "POSIX process", "User"; capabilities(7), credentials(7), execve(2).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.bundle.filter import Filter
from runtime.errors import NotFoundError, SpecError
from runtime.linux import capabilities, syscalls
from runtime.linux import constants as c

Json = dict[str, Any]
VERSION_3 = 0x20080522
PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, PR_CAP_AMBIENT_CLEAR_ALL = 8, 47, 2, 4
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass
class Person:
    """A process of config.json, and the filter it gets."""

    process: Json
    filter: Filter | None = None

    @property
    def user(self) -> Json:
        return dict(self.process.get("user") or {})

    @property
    def environment(self) -> dict[str, str]:
        env = dict(line.split("=", 1) for line in self.process.get("env") or [])
        env.setdefault("HOME", _home(self.user.get("uid", 0)))
        return env

    def prepare(self) -> None:
        """With the host's power, before the root is changed."""
        for limit in self.process.get("rlimits") or []:
            kind = getattr(resource, limit["type"], None)
            if kind is None:
                raise SpecError("process.rlimits", f"{limit['type']!r} is not a limit of this system")
            try:
                resource.setrlimit(kind, (_number(limit["soft"]), _number(limit["hard"])))
            except ValueError as error:  # Python's word for EPERM and EINVAL here
                raise PermissionError(f"setrlimit {limit['type']} {limit['hard']}: {error}: Operation not permitted") from error
        if (score := self.process.get("oomScoreAdj")) is not None:
            Path("/proc/self/oom_score_adj").write_text(str(score))

    def program(self) -> str:
        """The path that will be executed, found as execvp(3) would; errors as a shell would tell them apart."""
        name = self.process["args"][0]
        if "/" in name:
            return _executable(name if name.startswith("/") else os.path.join(self.process.get("cwd", "/"), name), name)
        for place in self.environment.get("PATH", "/usr/bin:/bin").split(":"):
            with contextlib.suppress(NotFoundError):
                return _executable(os.path.join(place or ".", name), name)
        raise NotFoundError(f"executable file `{name}` not found in $PATH: No such file or directory")

    def become(self) -> None:
        """Never returns: the calling process becomes the program."""
        cwd = self.process.get("cwd", "/")
        os.makedirs(cwd, exist_ok=True)
        program = self.program()
        umask = self.user.get("umask")
        if umask is not None:
            os.umask(umask)
        new_privileges = not self.process.get("noNewPrivileges")
        if not new_privileges:
            syscalls.prctl(c.PR_SET_NO_NEW_PRIVS, 1)
        if self.filter and new_privileges:
            self.filter.load()
        self._change_ids()
        os.chdir(cwd)  # as the user: a directory only root may enter is an error for anyone else
        if not os.getcwd().startswith("/"):
            raise SpecError("process.cwd", f"{cwd} lies outside the root")
        if self.filter and not new_privileges:
            self.filter.load()
        _default_signals()
        os.execve(program, self.process["args"], self.environment)

    def _change_ids(self) -> None:
        wanted = self.process.get("capabilities")
        if wanted is not None:
            _bound(wanted.get("bounding") or [])
        syscalls.prctl(PR_SET_KEEPCAPS, 1)
        uid, gid = self.user.get("uid", 0), self.user.get("gid", 0)
        with contextlib.suppress(PermissionError):  # a user namespace may forbid setgroups(2)
            os.setgroups(self.user.get("additionalGids") or [])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        if wanted is not None:
            _set(wanted)
        syscalls.prctl(PR_SET_KEEPCAPS, 0)


def _number(value: int) -> int:
    """config.json writes "no limit" as the largest number there is."""
    return resource.RLIM_INFINITY if value < 0 or value >= 1 << 63 else value


def _home(uid: int) -> str:
    with contextlib.suppress(OSError):
        for line in Path("/etc/passwd").read_text(errors="replace").splitlines():
            fields = line.split(":")
            if len(fields) > 5 and fields[2] == str(uid):
                return fields[5] or "/"
    return "/"


def _executable(path: str, name: str) -> str:
    if os.path.isdir(path):
        raise PermissionError(f"exec `{name}`: Is a directory: permission denied")
    if not os.path.exists(path):
        raise NotFoundError(f"executable file `{name}` not found: No such file or directory")
    if not os.stat(path).st_mode & 0o111:
        raise PermissionError(f"exec `{name}`: Permission denied")
    return path


def _numbers(names: list[str]) -> list[int]:
    found = []
    for name in names:
        number = capabilities.NUMBERS.get(name.removeprefix("CAP_").lower())
        if number is None:
            raise SpecError("process.capabilities", f"{name!r} is not a capability")
        found.append(number)
    return found


def _bound(names: list[str]) -> None:
    kept = set(_numbers(names))
    for number in capabilities.NUMBERS.values():
        if number not in kept:
            with contextlib.suppress(OSError):  # an older kernel does not know the newest
                syscalls.prctl(c.PR_CAPBSET_DROP, number)


def _set(wanted: Json) -> None:
    """capset(2) with the three sets, then the ambient one."""
    masks = [
        sum(1 << number for number in _numbers(wanted.get(name) or [])) for name in ("effective", "permitted", "inheritable")
    ]
    head = (ctypes.c_uint32 * 2)(VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)(*[mask & 0xFFFFFFFF for mask in masks], *[mask >> 32 for mask in masks])
    if _libc.capset(head, data):
        raise OSError(ctypes.get_errno(), f"capset: {os.strerror(ctypes.get_errno())}")
    for number in _numbers(wanted.get("ambient") or []):
        _libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0)


def _default_signals() -> None:
    """Python ignores SIGPIPE; an ignored signal stays ignored through execve(2)."""
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
