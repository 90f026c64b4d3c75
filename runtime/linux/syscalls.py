"""System calls that Python's standard library does not offer, by ctypes.

`syscall(2)` takes longs: a bare Python int would be passed as a C int and lose its upper half,
so that unshare(1<<28 | 1<<62) would *succeed* as something else. Every number is therefore
wrapped in c_long. PyDLL keeps the interpreter's lock during the call, so that a child of
clone3 wakes up owning it; with CDLL another thread might own it, and that thread is not there.

Each wrapper raises OSError with the name of the call and the path. See syscalls(2).
"""

from __future__ import annotations

import ctypes
import os
import platform

from runtime.linux import constants as c

_syscall = ctypes.PyDLL(None, use_errno=True).syscall
_syscall.restype = ctypes.c_long

_X86 = {
    "ptrace": 101,
    "capset": 126,
    "pivot_root": 155,
    "prctl": 157,
    "mount": 165,
    "umount2": 166,
    "unshare": 272,
    "setns": 308,
    "keyctl": 250,
    "seccomp": 317,
    "execveat": 322,
}
_ARM = {
    "ptrace": 117,
    "capset": 91,
    "pivot_root": 41,
    "prctl": 167,
    "mount": 40,
    "umount2": 39,
    "unshare": 97,
    "setns": 268,
    "keyctl": 219,
    "seccomp": 277,
    "execveat": 281,
}
# Since 2019 new system calls have the same number on every architecture.
_COMMON = {
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "clone3": 435,
    "close_range": 436,
    "mount_setattr": 442,
}
MACHINE = platform.machine()
NUMBERS = {**(_ARM if MACHINE == "aarch64" else _X86), **_COMMON}


def _bytes(value: str | bytes | os.PathLike[str] | None) -> bytes | None:
    return None if value is None else os.fsencode(value)


def _call(name: str, *args: object, path: object = None) -> int:
    """Make the call; ints become longs, None a null pointer."""
    wrapped = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    result: int = _syscall(ctypes.c_long(NUMBERS[name]), *wrapped)
    if result < 0:
        number = ctypes.get_errno()
        where = name if path is None else f"{name} {os.fsdecode(path) if isinstance(path, bytes) else path}"
        raise OSError(number, f"{where}: {os.strerror(number).lower()}")
    return result


def clone3(flags: int, exit_signal: int = 17, group: int | None = None) -> tuple[int, int]:
    """fork(2) with flags. Returns (pid, pidfd) to the parent and (0, -1) to the child.

    With `group`, the descriptor of a version 2 control group, the child is born in it.
    """
    pidfd = ctypes.c_int(-1)
    args = (ctypes.c_uint64 * 11)()
    args[0] = flags | c.CLONE_PIDFD | (0 if group is None else c.CLONE_INTO_CGROUP)
    args[1] = ctypes.addressof(pidfd)
    args[4] = exit_signal
    args[10] = group or 0
    pid = _call("clone3", args, ctypes.sizeof(args))
    return pid, pidfd.value


def unshare(flags: int) -> None:
    _call("unshare", flags)


def setns(fd: int, flags: int) -> None:
    """Enter namespaces: of one kind by their fd, or of several by the pidfd of a member."""
    _call("setns", fd, flags)


def mount(source: str | None, target: str, kind: str | None, flags: int = 0, data: str | None = None) -> None:
    _call("mount", _bytes(source), _bytes(target), _bytes(kind), flags, _bytes(data), path=f"{kind or source} on {target}")


def umount(target: str, flags: int = 0) -> None:
    _call("umount2", _bytes(target), flags, path=target)


def pivot_root(new: str, old: str) -> None:
    _call("pivot_root", _bytes(new), _bytes(old), path=new)


def open_tree(path: str | os.PathLike[str]) -> int:
    """A detached copy of the mount that holds `path`, rooted there, as an fd."""
    return _call("open_tree", c.AT_FDCWD, _bytes(path), c.OPEN_TREE_CLONE | c.O_CLOEXEC, path=path)


def move_mount(fd: int, target: str | os.PathLike[str]) -> None:
    """Attach a detached mount at `target`."""
    _call("move_mount", fd, b"", c.AT_FDCWD, _bytes(target), c.MOVE_MOUNT_F_EMPTY_PATH, path=target)


class _MountAttributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns")]


def mount_setattr(fd: int, attributes: int, userns: int = 0) -> None:
    """Change a detached mount: read-only, or its ids mapped through a user namespace."""
    wanted = _MountAttributes(attributes, 0, 0, userns)
    _call("mount_setattr", fd, b"", c.AT_EMPTY_PATH, ctypes.byref(wanted), ctypes.sizeof(wanted))


def fsopen(kind: str) -> int:
    return _call("fsopen", _bytes(kind), 1, path=kind)


def fsconfig(fd: int, command: int, key: str | None = None, value: str | None = None) -> None:
    _call("fsconfig", fd, command, _bytes(key), _bytes(value), 0, path=f"{key}={value}")


def fsmount(fd: int, attributes: int = 0) -> int:
    return _call("fsmount", fd, 1, attributes)


def close_range(first: int, flags: int = 0) -> None:
    _call("close_range", first, 0xFFFFFFFF, flags)


def prctl(option: int, value: int = 0) -> int:
    return _call("prctl", option, value, 0, 0, 0, path=option)


def capset(head: bytes, sets: bytes) -> None:
    _call("capset", head, sets)


def join_new_keyring() -> None:
    """Begin a new session keyring: keys of the host's session must not be reachable inside."""
    _call("keyctl", c.KEYCTL_JOIN_SESSION_KEYRING, None, 0, 0, 0)


def seccomp(program: bytes) -> None:
    """Load a filter for this thread and everything it becomes."""
    code = ctypes.create_string_buffer(program, len(program))
    head = (ctypes.c_uint64 * 2)(len(program) // 8, ctypes.addressof(code))
    _call("seccomp", c.SECCOMP_SET_MODE_FILTER, 0, head)


def execveat(fd: int, name: str) -> None:
    """Become the program behind `fd`, with `name` as its only argument and no environment."""
    argv = (ctypes.c_char_p * 2)(os.fsencode(name), None)
    envp = (ctypes.c_char_p * 1)(None)
    _call("execveat", fd, b"", argv, envp, c.AT_EMPTY_PATH, path=name)
