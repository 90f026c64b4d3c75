"""Trust: a check that passed says so by programs of the sandbox, and its root may replace those.

Seen from outside, the sandbox's upper layer tells which files of the image were changed. If the
interpreter of the check, its loader and libraries, or one of the programs every check leans on
is among them, a pass proves nothing. We then say so, instead of believing it.

What is replaced by a mount instead of a file shows in the mount table in the same way.
"""

import re
from typing import Any

from lessons.contract import CheckResult, State
from lessons.elements import Check

TOOLS = (
    "sh|dash|bash|env|cat|head|tail|grep|sed|awk|mawk|test|\\[|cut|tr|wc|stat|readlink|ls|ps|pgrep|id|printf|echo|sleep"
    "|hostname|nsenter|busybox|python3[.0-9]*|mount|findmnt|ip|ss"
)
RELIED_ON = re.compile(
    rf"(?:/usr)?/s?bin/(?:{TOOLS})|(?:/usr)?/lib(?:64)?(?:/.*)?/(?:ld-linux|libc\.so|ld\.so)[^/]*|/etc/ld\.so\.preload"
)
TREES = re.compile(r"/(?:usr(?:/s?bin|/lib(?:64)?)?|s?bin|lib(?:64)?)")  # a mount over one of these hides them all
PYTHON = re.compile(r"/usr/lib/python3[^/]*/.+\.pyc?")


def confirmed(result: CheckResult, check: Check, facts: dict[str, Any]) -> CheckResult:
    """The same result, unless what it was got with is no longer the image's own."""
    forged = sorted(path for path in replaced(facts) if _is_relied_on(path, check))
    if not forged:
        return result
    names = ", ".join(forged[:3])
    return CheckResult(State.NOT_YET, f"The programs this check relies on were replaced: {names}. Reset the machine.", result.log)


def replaced(facts: dict[str, Any]) -> set[str]:
    """Paths that are not what the image has there; none where the observer does not tell."""
    changes = facts.get("changes") or {}
    mounts = facts.get("mounts") or {}
    if "format" not in facts or not isinstance(changes, dict):
        return set()
    found = {path for path, change in changes.items() if change.get("change") in ("changed", "replaced", "deleted")}
    found |= {path for path in changes if path == "/etc/ld.so.preload"}
    return found | {mount["target"] for mount in mounts.values() if mount.get("namespace") == first_mounts(facts)}


def first_mounts(facts: dict[str, Any]) -> str | None:
    """The mount namespace of the sandbox's first process: where checks run."""
    init = facts["processes"].get(facts["machine"]["self"]["init"]) or {}
    return (init.get("namespaces") or {}).get("mount")


def _is_relied_on(path: str, check: Check) -> bool:
    patterns = (RELIED_ON, TREES, PYTHON) if check.language == "python" else (RELIED_ON, TREES)
    return any(pattern.fullmatch(path) for pattern in patterns)
