"""Front matter: the YAML head of a lesson, turned into the fields of a `Lesson`.

A key nobody knows is a fault with its line: a misspelt `machine` would otherwise give a
learner the wrong sandbox in silence. What a lesson asks of its machines is read in
`lessons.machines`, what it brings along in `lessons.extras`.
"""

import re
from pathlib import Path
from typing import Any

from lessons import extras, machines, variables
from lessons.errors import Faults
from lessons.head import Head, load
from lessons.suggest import listed, near

HEAD = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*\n", re.DOTALL | re.MULTILINE)
PLAIN = ("title", "summary", "level", "minutes", "image", "user", "gate", "solutions")
KEYS = {
    *PLAIN, "format", "tags", "machine", "machines", "terminals", "ports", "editor", "files", "setup", "vars",
    "time-limit", "steps",
}  # fmt: skip
KINDS: dict[str, tuple[type, str]] = {
    "title": (str, "a text"),
    "summary": (str, "a text"),
    "image": (str, "the name of an image"),
    "user": (str, "the name of a user"),
    "setup": (str, "the name of a script beside the lesson"),
    "minutes": (int, "a whole number"),
    "time-limit": (int, "a whole number of minutes"),
    "gate": (bool, "true or false"),
    "tags": (list, "a list of words"),
    "steps": (list, "a list of file names"),
    "vars": (dict, "a list of `name: rule` lines"),
}
CHOICES = {
    "level": ("beginner", "intermediate", "advanced"),
    "solutions": ("always", "after-pass", "instructor"),
    "format": (1,),
}
RANGES = {"minutes": (1, 600), "time-limit": (1, 1440)}
USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")


def split(text: str, faults: Faults) -> tuple[Head, str, int]:
    """Return the head, the body, and how many lines the head took."""
    match = HEAD.match(text)
    if not match:
        faults.add(1, "a lesson begins with front matter between two lines of ---")
        return Head(faults), text, 0
    return load(match[1], 2, faults, "front matter"), text[match.end() :], match[0].count("\n")


def fields(head: Head, defaults: dict[str, Any], path: Path, root: Path) -> dict[str, Any]:
    """Check the head and return the keyword arguments it means for `Lesson`.

    `path` is the lesson's file; scripts and files are looked for beside it, never outside `root`.
    """
    check(head)
    if head.readable and "title" not in head.data:
        head.fault("front matter needs a title")
    head.data = _good({**defaults, **head.data})
    data = head.data
    result = {key: data[key] for key in PLAIN if key in data}
    result |= {"tags": tuple(map(str, data.get("tags", ()))), "time_limit": data.get("time-limit", 60)}
    result["vars"] = _variables(head)
    result["setup"] = data.get("setup", "")
    result["machines"] = machines.read(head)
    return result | extras.read(head, result["machines"], path, root)


def check(head: Head) -> None:
    """Note every key that is unknown, of the wrong kind or out of range."""
    head.known(KEYS, "in front matter")
    for key, (kind, words) in KINDS.items():
        value = head.data.get(key)
        if key in head.data and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
            head.fault(f"{key} must be {words}", key)
    for key, allowed in CHOICES.items():
        if key in head.data and head.data[key] not in allowed:
            choices = ", ".join(map(str, allowed))
            head.fault(f"{key} is one of {choices}{near(head.data[key], map(str, allowed))}", key)
    for key, (low, high) in RANGES.items():
        if isinstance(head.data.get(key), int) and not low <= head.data[key] <= high:
            head.fault(f"{key} is between {low} and {high}", key)
    if isinstance(head.data.get("user"), str) and not USER.fullmatch(head.data["user"]):
        head.fault(f"user {head.data['user']!r} is not the name of a user", "user")


def _good(data: dict[str, Any]) -> dict[str, Any]:
    """What is of the right kind; the rest has its fault already."""
    return {key: value for key, value in data.items() if key not in KINDS or isinstance(value, KINDS[key][0])}


def _variables(head: Head) -> dict[str, dict[str, Any]]:
    declared = head.data.get("vars") or {}
    found = {name: variables.fault(name, rule) for name, rule in declared.items()}
    for name, fault in found.items():
        if fault:
            head.fault(fault, "vars", name)
    taken = {"STEP", "TASK", "USER", "HOSTNAME", "HISTORY"}
    for name in found:
        if str(name).upper() in taken:
            head.fault(
                f"variable {name}: $LAB_{str(name).upper()} has a meaning already (taken: {listed(taken).lower()})", "vars", name
            )
    return {name: declared[name] for name, fault in found.items() if not fault}
