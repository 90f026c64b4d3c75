"""Machines: the sandboxes a lesson asks for, with their sizes, profile and network.

What is asked for here is a wish; the operator's bounds are put to it in `labsite.labs.recipe`.
"""

import re
from typing import Any

from lessons import features
from lessons.head import Head
from lessons.suggest import near
from lessons.surroundings import Machine

KEYS = {"image", "memory", "cpus", "pids", "disk", "network", "terminal", "profile", "backend"}
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
NAME = re.compile(r"[a-z][a-z0-9-]{0,29}")
IMAGE = re.compile(r"[a-z0-9][a-z0-9._:/-]{0,127}")
CHOICES = {"network": ("none", "lab", "internet"), "profile": ("nested", "strict"), "backend": ("container", "vm")}
SAID = {"memory": "8M", "disk": "1M", "pids": 8, "cpus": 0.01}
LEAST = {"memory": 8 << 20, "disk": 1 << 20, "pids": 8, "cpus": 0.01}


def read(head: Head) -> tuple[Machine, ...]:
    """The machines of `machines:`, or the one of `machine:`."""
    data = head.data
    if "machine" in data and "machines" in data and ("machines",) in head.lines and ("machine",) in head.lines:
        head.fault("write machine (for one) or machines (for several), not both", "machine")
    several = data.get("machines")
    if several is None:
        return (_machine(head, "box", data.get("machine") or {}, ("machine",)),)
    if not isinstance(several, dict) or not several:
        head.fault("machines is a list of `name: {…}` lines", "machines")
        return (Machine(),)
    for name in several:
        if not NAME.fullmatch(str(name)):
            head.fault(f"machine {name!r}: a name is lower-case letters, digits and -", "machines", name)
    return tuple(_machine(head, str(name), settings or {}, ("machines", name)) for name, settings in several.items())


def _machine(head: Head, name: str, settings: Any, path: tuple[str, ...]) -> Machine:
    if not isinstance(settings, dict):
        head.fault(f"machine {name}: write {{memory: 256M, cpus: 0.5}}", *path)
        return Machine(name)
    head.known(KEYS, f"of machine {name}", *path, data=settings)
    settings = {"image": head.data.get("image", "linux"), **settings}
    if settings.get("network") == "internet" and settings.get("backend") == "vm":
        head.fault(f"machine {name}: a virtual machine (backend: vm) has no way to the internet; network: lab or none", *path)
    good = {key: value for key, value in settings.items() if key in KEYS and _holds(head, name, key, value, path)}
    for key in good.keys() & {"memory", "disk"}:
        good[key] = size(good[key])
    return Machine(name=name, **good)


def _holds(head: Head, name: str, key: str, value: Any, path: tuple[str, ...]) -> bool:
    """Is this value right? If not, the fault says how it should be."""
    wrong = _wrong(key, value)
    path = path if (*path, key) in head.lines else ()  # a lesson's own `image`
    if wrong:
        head.fault(f"machine {name}: {wrong}", *path, key)
    return wrong is None


def _wrong(key: str, value: Any) -> str | None:
    if key in CHOICES and value not in CHOICES[key]:
        return f"{key} is one of {', '.join(CHOICES[key])}{near(value, CHOICES[key])}"
    if key == "network" and value == "internet":
        return features.lack("internet")
    if key == "terminal" and not isinstance(value, bool):
        return "terminal is true or false"
    if key == "image" and not (isinstance(value, str) and IMAGE.fullmatch(value)):
        return f"{value!r} is not the name of an image"
    return _wrong_size(key, value) if key in LEAST else None


def _wrong_size(key: str, value: Any) -> str | None:
    kinds = {"memory": (str, int), "disk": (str, int), "pids": (int,), "cpus": (int, float)}[key]
    if isinstance(value, bool) or not isinstance(value, kinds):
        return f"{key} {value!r} is not a number"
    try:
        number: float = size(value) if key in ("memory", "disk") else float(value)
    except ValueError as error:
        return str(error)
    return None if number >= LEAST[key] else f"{key} {value} is too little (at least {SAID[key]})"


def size(value: Any) -> int:
    """256M as bytes."""
    match = re.fullmatch(r"(\d+)([KMG]?)", str(value))
    if not match:
        raise ValueError(f"{value!r} is not a size such as 256M")
    return int(match[1]) * UNITS[match[2]]
