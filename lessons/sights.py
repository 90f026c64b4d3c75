"""Sights: what a host check may ask of the x-ray's observation (docs/xray.md has the fields).

    - see: cgroups
      where: {path: /, limits.memory_bytes: <= 64M}
      else: The machine's memory is not limited to 64 MiB.
    - unseen: sockets
      where: {state: listen, local: ~ ^0\\.0\\.0\\.0}
      else: Something listens on every address.

A value is compared as it stands; `<`, `<=`, `>`, `>=` compare numbers, `~` is a regular
expression, `has` looks into a list, `not` turns an ordinary value around. A dot leads into a field.

Of a process more can be asked: `namespaces.uts: other` compares with the sandbox's init (or `same`), and
a collection with a question of its own asks for what that process has. All questions of one rule are
asked of one process, so nobody passes with a bit here and a bit there.

    - see: processes
      where: {comm: sleep, namespaces.mount: other, mounts: [{target: /, type: overlay}, {target: /proc}], no-links: {name: eth1}}
      else: No sleep has that root.
"""

import operator
import re
from typing import Any

from lessons.machines import size
from lessons.patterns import slow
from lessons.suggest import near

COLLECTIONS = {
    "machine": "backend status profile hostname init uid_base uid_count kernel disk_bytes disk_used_bytes disk_files pss_bytes"
    " accelerator why restored guest_memory_bytes",
    "processes": "pid pids parent uids gids comm args state threads cpu_us memory_bytes open_files namespaces cgroups"
    " capabilities seccomp seccomp_filters no_new_privs limits",
    "namespaces": "kind own owner parent members kept_by uid_map gid_map hostname offsets",
    "mounts": "namespace parent target root type source options super_options propagation peer_group",
    "cgroups": "hierarchy version path parent controllers processes delegated frozen limits usage events pressure",
    "layers": "kind order digest image size_bytes files shared_by",
    "changes": "path change type size_bytes mode uid gid",
    "links": "namespace index name kind up carrier mtu mac master peer mine rx_bytes tx_bytes rx_packets tx_packets",
    "addresses": "link address family scope",
    "routes": "namespace destination via link source metric",
    "sockets": "namespace protocol state local remote uid process",
    "guest": "kernel hostname uptime_s memory_bytes memory_available_bytes kernel_threads",  # root in there may lie
    "guest_processes": "pid parent uid comm args state cpu_us memory_bytes",
}
RELATED = {  # of a process: which objects of a collection are its own
    "mounts": lambda process, key, thing, sight: thing["namespace"] == process["namespaces"]["mount"],
    "namespaces": lambda process, key, thing, sight: key in process["namespaces"].values(),
    "cgroups": lambda process, key, thing, sight: key in process["cgroups"],
    "links": lambda process, key, thing, sight: thing["namespace"] == process["namespaces"]["network"],
    "addresses": lambda process, key, thing, sight: (
        _field(sight, "links").get(thing["link"], {}).get("namespace") == process["namespaces"]["network"]
    ),
    "parent": lambda process, key, thing, sight: key == process["parent"],
}
COMPARE = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}
OPERATOR = re.compile(r"(<=|>=|<|>|~|has|not)\s+(.+)", re.DOTALL)


def faults(collection: object, where: object) -> list[str]:
    """What is wrong with one question."""
    if not isinstance(collection, str) or collection not in COLLECTIONS:
        return [f"there is no {collection!r} to see{near(collection, COLLECTIONS)} (known: {', '.join(COLLECTIONS)})"]
    if not isinstance(where, dict) or not where:
        return [f"write where: {{field: value}} for the {collection} you mean"]
    known = COLLECTIONS[collection].split()
    inner = {str(key): value for key, value in where.items() if collection == "processes" and _asks(value)}
    strange = [str(key) for key in where if str(key) not in inner and str(key).partition(".")[0] not in known]
    found = [f"{collection} have no {key!r}{near(key.partition('.')[0], known)}" for key in strange]
    found += [fault for key, value in inner.items() for fault in _inner_faults(key.removeprefix("no-"), value)]
    return found + [why for key, value in where.items() if key not in inner and (why := _wrong(value))]


def _inner_faults(name: str, value: Any) -> list[str]:
    if name not in RELATED:
        return [f"a process has no {name!r} of its own{near(name, RELATED)} (known: {', '.join(RELATED)})"]
    return [fault for each in _listed(value) for fault in faults(_home(name), each)]


def _asks(value: Any) -> bool:
    """Is this a question about what belongs to a process?"""
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _home(name: str) -> str:
    """The collection a related thing is in: a parent is a process."""
    return "processes" if name == "parent" else name


def _wrong(value: Any) -> str | None:
    mark, rest = _split(value)
    if mark in COMPARE and _number(rest) is None:
        return f"{rest!r} is not a number such as 64M"
    if mark == "~":
        try:
            return f"{rest}: a repetition within a repetition could take for ever" if slow(rest) else None
        except re.error:
            return f"not a regular expression: {rest}"
    return None


def first(observation: dict[str, Any], collection: str, where: dict[str, Any]) -> dict[str, Any] | None:
    """The first object of a collection for which everything holds."""
    for thing in (observation.get(collection) or {}).values():
        if all(_answers(observation, collection, thing, str(key), value) for key, value in where.items()):
            return dict(thing)
    return None


def _answers(sight: dict[str, Any], collection: str, thing: dict[str, Any], key: str, value: Any) -> bool:
    """Does one question hold for one object?"""
    if collection == "processes" and _asks(value):
        related = _related(sight, thing, key.removeprefix("no-"))
        found = [first({**sight, "asked": related}, "asked", each) is not None for each in _listed(value)]
        return not any(found) if key.startswith("no-") else all(found)
    if collection == "processes" and key.startswith("namespaces.") and value in ("same", "other"):
        mine, its = _field(_init(sight), key), _field(thing, key)
        return None not in (mine, its) and (mine == its) == (value == "same")
    return _holds(_field(thing, key), value)


def _related(sight: dict[str, Any], process: dict[str, Any], name: str) -> dict[str, Any]:
    """What of a collection belongs to this process."""
    if name != "parent" and None in process["namespaces"].values():  # a zombie
        return {}
    things = sight.get(_home(name)) or {}
    return {key: thing for key, thing in things.items() if RELATED[name](process, key, thing, sight)}


def _init(sight: dict[str, Any]) -> dict[str, Any]:
    machine = (sight.get("machine") or {}).get("self") or {}
    return (sight.get("processes") or {}).get(machine.get("init")) or {}


def _field(thing: Any, path: str) -> Any:
    for name in path.split("."):
        thing = thing.get(name) if isinstance(thing, dict) else None
    return thing


def _holds(found: Any, wanted: Any) -> bool:
    mark, rest = _split(wanted)
    if mark in COMPARE:
        bound = _number(rest)
        return isinstance(found, int | float) and bound is not None and bool(COMPARE[mark](found, bound))
    if mark == "~":
        return isinstance(found, str) and re.search(rest, found[:4096]) is not None
    if mark == "has":
        return isinstance(found, list) and any(str(each) == rest for each in found)
    if mark == "not":
        return str(found) != rest
    return bool(found == wanted)


def _split(value: Any) -> tuple[str, str]:
    match = OPERATOR.fullmatch(value.strip()) if isinstance(value, str) else None
    return (match[1], match[2].strip()) if match else ("", "")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return float(size(text))
    except ValueError:
        return None
