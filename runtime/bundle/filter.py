"""A bundle's seccomp rules, by libseccomp.

Our own profiles are assembled by hand (runtime.linux.seccomp), because they are few and part of the
lesson. A bundle brings any rules for any architecture; the library that every other runtime uses knows
all of them by name. It is in every Debian; where it is not, a bundle with rules is refused.

See config-linux.md "Seccomp", seccomp_rule_add(3), seccomp_load(3).
"""

from __future__ import annotations

import ctypes
import errno
import os
from typing import Any

from runtime.errors import SpecError

Json = dict[str, Any]
ACTIONS = {
    "SCMP_ACT_KILL": 0x00000000, "SCMP_ACT_KILL_THREAD": 0x00000000, "SCMP_ACT_KILL_PROCESS": 0x80000000,
    "SCMP_ACT_TRAP": 0x00030000, "SCMP_ACT_ERRNO": 0x00050000, "SCMP_ACT_TRACE": 0x7FF00000,
    "SCMP_ACT_ALLOW": 0x7FFF0000, "SCMP_ACT_LOG": 0x7FFC0000,
}  # fmt: skip
WITH_NUMBER = ("SCMP_ACT_ERRNO", "SCMP_ACT_TRACE")
COMPARISONS = ("SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ")
FILTER_NO_NEW_PRIVILEGES = 3  # enum scmp_filter_attr: SCMP_FLTATR_CTL_NNP


class _Comparison(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    except OSError as error:
        raise SpecError("linux.seccomp", "needs libseccomp: apt-get install libseccomp2") from error
    library.seccomp_init.restype = ctypes.c_void_p
    return library


class Filter:
    """Rules turned into a filter; `load` applies it to the calling thread and to all it becomes."""

    def __init__(self, rules: Json) -> None:
        self.library = _library()
        self.default = _action(rules.get("defaultAction", ""), rules.get("defaultErrnoRet"))
        context = self.library.seccomp_init(ctypes.c_uint32(self.default))
        if not context:
            raise SpecError("linux.seccomp.defaultAction", "was refused by libseccomp")
        self.context = ctypes.c_void_p(context)
        self._call("seccomp_attr_set", ctypes.c_int(FILTER_NO_NEW_PRIVILEGES), ctypes.c_uint32(0))
        for name in rules.get("architectures") or []:
            self._add_architecture(name)
        for rule in rules.get("syscalls") or []:
            self._add(rule)

    def load(self) -> None:
        self._call("seccomp_load")

    def _add_architecture(self, name: str) -> None:
        word = name.removeprefix("SCMP_ARCH_").lower()
        token = self.library.seccomp_arch_resolve_name(word.encode())
        if not token:
            raise SpecError("linux.seccomp.architectures", f"{name!r} is not known to libseccomp")
        self._call("seccomp_arch_add", ctypes.c_uint32(token), fine=(errno.EEXIST,))

    def _add(self, rule: Json) -> None:
        action = _action(rule.get("action", ""), rule.get("errnoRet"))
        if action == self.default:
            return
        compared = [_comparison(argument) for argument in rule.get("args") or []]
        array = (_Comparison * len(compared))(*compared)
        for name in rule.get("names") or []:
            number = self.library.seccomp_syscall_resolve_name(name.encode())
            if number == -1:  # this library is older than the rule: such a call gets the default answer
                continue
            words = (ctypes.c_uint32(action), ctypes.c_int(number), ctypes.c_uint(len(compared)), array)
            self._call("seccomp_rule_add_array", *words, fine=(errno.EEXIST, errno.EFAULT, errno.EDOM))

    def _call(self, name: str, *arguments: Any, fine: tuple[int, ...] = ()) -> None:
        code = getattr(self.library, name)(self.context, *arguments)
        if code < 0 and -code not in fine:
            raise OSError(-code, f"{name}: {os.strerror(-code)}")


def _action(name: str, number: int | None) -> int:
    if name not in ACTIONS:
        raise SpecError("linux.seccomp", f"the action {name!r} is not one of {', '.join(ACTIONS)}")
    default = errno.EPERM if name == "SCMP_ACT_ERRNO" else 0
    return ACTIONS[name] | ((default if number is None else number) if name in WITH_NUMBER else 0)


def _comparison(argument: Json) -> _Comparison:
    name = argument.get("op")
    if name not in COMPARISONS:
        raise SpecError("linux.seccomp.syscalls.args.op", f"{name!r} is not one of {', '.join(COMPARISONS)}")
    return _Comparison(argument["index"], COMPARISONS.index(name) + 1, argument["value"], argument.get("valueTwo", 0))
