"""What a lesson brings along: terminals, ports, an editor, files."""

import re
from pathlib import Path
from typing import Any

from lessons.head import Head
from lessons.places import Places
from lessons.surroundings import Editor, FileCopy, Machine, Port, Terminal

MOST_TERMINALS, MOST_PORTS, MOST_OPEN = 8, 16, 8
MOST_BYTES, MOST_FILES = 8 << 20, 500
LIST_KEYS = {
    "terminals": {"name", "machine"},
    "ports": {"name", "port", "machine"},
    "files": {"from", "to", "mode", "owner", "machine"},
}


def read(head: Head, machines: tuple[Machine, ...], path: Path, root: Path) -> dict[str, Any]:
    """The fields `terminals`, `named_terminals`, `ports`, `editor` and `files`."""
    names = {machine.name for machine in machines}
    found: dict[str, Any] = {}
    terminals = head.data.get("terminals", 1)
    if isinstance(terminals, list):
        entries = _entries(head, "terminals", names)
        found["named_terminals"] = _terminals(entries, machines[0].name)
        found["terminals"] = max(1, len(entries))
    elif isinstance(terminals, int) and not isinstance(terminals, bool) and 1 <= terminals <= MOST_TERMINALS:
        found["terminals"] = terminals
    else:
        found["terminals"] = 1
        head.fault(f"terminals is a number from 1 to {MOST_TERMINALS}, or a list of {{name: …, machine: …}}", "terminals")
    found["ports"] = _ports(head, _entries(head, "ports", names), machines)
    found["editor"] = _editor(head)
    places = Places(path.parent, root)
    copies = [_file(head, n, each, places) for n, each in enumerate(_entries(head, "files", names))]
    found["files"] = tuple(copy for copy in copies if copy)
    _weigh(head, found["files"])
    return found


def _entries(head: Head, key: str, machines: set[str]) -> list[dict[str, Any]]:
    """The mappings of a list, each with known keys and a machine that exists."""
    entries = head.data.get(key, [])
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        head.fault(f"{key} is a list of {{{', '.join(sorted(LIST_KEYS[key]))}}}", key)
        return []
    for n, each in enumerate(entries):
        head.known(LIST_KEYS[key], f"of {key}", key, n, data=each)
        if each.get("machine", "") not in {"", *machines}:
            head.fault(f"unknown machine {each['machine']!r}", key, n, "machine")
    if len(entries) > MOST_TERMINALS and key == "terminals":
        head.fault(f"at most {MOST_TERMINALS} terminals", key)
    return entries


def _terminals(entries: list[dict[str, Any]], first: str) -> tuple[Terminal, ...]:
    """Numbered per machine, as the terminals of a machine are."""
    counts: dict[str, int] = {}
    found = []
    for each in entries:
        machine = str(each.get("machine") or first)
        counts[machine] = counts.get(machine, 0) + 1
        found.append(Terminal(counts[machine], str(each.get("name", "")), machine))
    return tuple(found)


def _ports(head: Head, entries: list[dict[str, Any]], machines: tuple[Machine, ...]) -> tuple[Port, ...]:
    """Servers that a tab shows."""
    virtual = {machine.name for machine in machines if machine.backend == "vm"}
    found = tuple(_port(head, n, each) for n, each in enumerate(entries))
    for n, each in enumerate(found):
        if (each.machine or machines[0].name) in virtual:
            head.fault("a port of a virtual machine cannot be shown: it is behind a kernel of its own", "ports", n)
    if len(found) > MOST_PORTS:
        head.fault(f"at most {MOST_PORTS} ports", "ports")
    return found


def _port(head: Head, n: int, entry: dict[str, Any]) -> Port:
    number = entry.get("port")
    if not isinstance(number, int) or not 1 <= number <= 65535:
        head.fault("a port is a number from 1 to 65535", "ports", n)
        number = 0
    return Port(str(entry.get("name") or number), number, str(entry.get("machine", "")))


def _editor(head: Head) -> Editor | None:
    entry = head.data.get("editor")
    if entry is None:
        return None
    if not isinstance(entry, dict) or not str(entry.get("root", "")).startswith("/"):
        head.fault("editor is {root: /directory, open: [file]}", "editor")
        return None
    head.known({"root", "open"}, "of editor", "editor", data=entry)
    files = entry.get("open") or []
    if not isinstance(files, list) or len(files) > MOST_OPEN or not all(isinstance(each, str) and each for each in files):
        head.fault(f"open is a list of at most {MOST_OPEN} files", "editor", "open")
        files = []
    return Editor(str(entry["root"]), tuple(files))


def _file(head: Head, n: int, entry: dict[str, Any], places: Places) -> FileCopy | None:
    for key in ("from", "to"):
        if not isinstance(entry.get(key), str) or not entry[key]:
            head.fault(f"an entry of files needs `{key}`", "files", n)
            return None
    source, why = places.find_tree(entry["from"])
    if source is None:
        head.fault(f"files: {why}", "files", n, "from")
        return None
    if not entry["to"].startswith("/"):
        head.fault("files: `to` is an absolute path in the machine", "files", n, "to")
    return FileCopy(
        source, entry["to"], mode(head, n, entry.get("mode")), str(entry.get("owner", "root")), str(entry.get("machine", ""))
    )


def mode(head: Head, n: int, text: Any) -> int | None:
    """Permissions as they are written in octal, in quotes: YAML would read 0755 as a number."""
    if text is None:
        return None
    if not isinstance(text, str) or not re.fullmatch(r"[0-7]{3,4}", text):
        head.fault('mode is four octal digits in quotes, such as "0755"', "files", n, "mode")
        return None
    return int(text, 8)


def _weigh(head: Head, copies: tuple[FileCopy, ...]) -> None:
    """They are copied for every learner, so they have to be few and small."""
    sizes = [
        each.stat().st_size
        for copy in copies
        for each in ([copy.source] if copy.source.is_file() else copy.source.rglob("*"))
        if each.is_file()
    ]
    if len(sizes) > MOST_FILES or sum(sizes) > MOST_BYTES:
        head.fault(f"files: {len(sizes)} files of {sum(sizes)} bytes (at most {MOST_FILES} and {MOST_BYTES})", "files")
