"""Front matter: the YAML head of a lesson, turned into the fields of a `Lesson`.

A key nobody knows is a fault with its line: a misspelt `machine` would otherwise give a
learner the wrong sandbox in silence.
"""

import re
from typing import Any

import yaml

from lessons import variables
from lessons.elements import Machine
from lessons.errors import Faults

HEAD = re.compile(r"\A---\n(.*?)^---[ \t]*\n", re.DOTALL | re.MULTILINE)
PLAIN = ("title", "summary", "level", "minutes", "image", "user", "terminals", "gate", "solutions")
KEYS = {*PLAIN, "format", "tags", "machine", "machines", "setup", "vars", "time-limit"}
MACHINE_KEYS = {"image", "memory", "cpus", "pids", "disk", "network", "terminal"}
TYPES: dict[str, type] = {"title": str, "minutes": int, "terminals": int, "gate": bool}
CHOICES = {
    "level": ("beginner", "intermediate", "advanced"),
    "solutions": ("always", "after-pass", "instructor"),
    "format": (1,),
}
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def split(text: str, faults: Faults) -> tuple[dict[str, Any], str, int]:
    """Return the head, the body, and how many lines the head took."""
    match = HEAD.match(text)
    if not match:
        faults.add(1, "a lesson begins with front matter between two lines of ---")
        return {}, text, 0
    try:
        head = yaml.safe_load(match[1]) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        faults.add(mark.line + 2 if mark else 1, f"front matter is not YAML: {error}")
        head = {}
    if not isinstance(head, dict):
        faults.add(2, "front matter is a list of `key: value` lines")
        head = {}
    return head, text[match.end() :], match[0].count("\n")


def fields(head: dict[str, Any], text: str, faults: Faults) -> dict[str, Any]:
    """Check the head and return the keyword arguments it means for `Lesson`."""
    _check(head, text, faults)
    result = {key: head[key] for key in PLAIN if key in head}
    result["tags"] = tuple(head.get("tags", ()))
    result["vars"] = _variables(head.get("vars") or {}, text, faults)
    result["time_limit"] = head.get("time-limit", 60)
    result["setup"] = head.get("setup", "")
    result["machines"] = _machines(head, text, faults)
    return result


def _check(head: dict[str, Any], text: str, faults: Faults) -> None:
    for key, value in head.items():
        if key not in KEYS:
            faults.add(_line(text, key), f"unknown key {key!r} in front matter")
        if key in TYPES and not isinstance(value, TYPES[key]):
            faults.add(_line(text, key), f"{key} must be {TYPES[key].__name__}")
        if key in CHOICES and value not in CHOICES[key]:
            faults.add(_line(text, key), f"{key} is one of {', '.join(map(str, CHOICES[key]))}")
    if "title" not in head:
        faults.add(1, "front matter needs a title")


def _variables(declared: Any, text: str, faults: Faults) -> dict[str, dict[str, Any]]:
    if not isinstance(declared, dict):
        faults.add(_line(text, "vars"), "vars is a list of `name: rule` lines")
        return {}
    found = {name: variables.fault(name, rule) for name, rule in declared.items()}
    for name, fault in found.items():
        if fault:
            faults.add(_line(text, name), fault)
    return {name: declared[name] for name, fault in found.items() if not fault}


def _machines(head: dict[str, Any], text: str, faults: Faults) -> tuple[Machine, ...]:
    wanted: dict[str, Any] = head.get("machines") or {"box": head.get("machine") or {}}
    return tuple(
        _machine(name, dict(settings or {}, **_image(head, settings)), text, faults)
        for name, settings in wanted.items()
    )


def _image(head: dict[str, Any], settings: dict[str, Any] | None) -> dict[str, Any]:
    """A machine's own image, or the lesson's."""
    return {"image": (settings or {}).get("image", head.get("image", "linux"))}


def _machine(name: str, settings: dict[str, Any], text: str, faults: Faults) -> Machine:
    line = _line(text, name if name in text else "machine")
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", name):
        faults.add(line, f"machine {name!r}: a name is lower-case letters, digits and -")
    for key in settings.keys() - MACHINE_KEYS:
        faults.add(line, f"unknown key {key!r} of machine {name}")
    known = {key: value for key, value in settings.items() if key in MACHINE_KEYS}
    try:
        sizes = {key: size(known[key]) for key in ("memory", "disk") if key in known}
    except ValueError as error:
        faults.add(line, f"machine {name}: {error}")
        sizes = {"memory": 1, "disk": 1}
    if known.get("network", "none") not in ("none", "lab"):
        faults.add(line, f"machine {name}: network is none or lab")
    settings = dict(known, **sizes)
    return Machine(name=name, **settings)


def size(value: Any) -> int:
    """256M as bytes."""
    match = re.fullmatch(r"(\d+)([KMG]?)", str(value))
    if not match:
        raise ValueError(f"{value!r} is not a size such as 256M")
    return int(match[1]) * UNITS[match[2]]


def _line(text: str, key: str) -> int:
    """The line a key of the head stands on."""
    match = re.search(rf"^\s*{re.escape(str(key))}\s*:", text, re.MULTILINE)
    return text.count("\n", 0, match.start() + len(match[0])) + 1 if match else 1
