"""Control groups: limits, what was used, how often a limit was met, and who had to wait.

The tree is walked in every hierarchy below the sandbox's own group, which is shown as `/`. The
two versions have other files for the same facts; here each fact has one name and the file that
said it is told beside it. Which files a group has is found out once.

See cgroups(7), the kernel's cgroup-v2.rst and cgroup-v1/, and for pressure its accounting/psi.rst.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from runtime.linux.cgroups import LEAF, Hierarchy
from runtime.xray import cgroup_files
from runtime.xray.reading import Budget, read
from runtime.xray.subject import Subject
from runtime.xray.text import clean

MOST = 200
MOST_LISTED = 2000
DEEPEST = 16
SLOWLY = 8  # hierarchies without figures are walked once in so many looks


@dataclass
class Group:
    """One group: where it is, and the readers of the files it has."""

    directory: str
    facts: dict[str, Any]
    readers: list[cgroup_files.Reader]


@dataclass
class Tree:
    """One hierarchy, from the sandbox's own group down."""

    name: str
    hierarchy: Hierarchy
    top: str
    groups: dict[str, Group] = field(default_factory=dict)

    @property
    def plain(self) -> bool:
        """No figure is read in this hierarchy."""
        return not self.hierarchy.unified and not self.hierarchy.controllers & cgroup_files.CONTROLLERS


class Cgroups:
    """All hierarchies of one sandbox."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        ordered = sorted(subject.group.trees, key=lambda tree: not tree.unified)  # where processes are listed, first
        self.trees = [Tree(name(tree), tree, str(subject.group.path(tree))) for tree in ordered]
        self.looks = 0
        self.incomplete = False  # were groups left out in which processes may be?
        self.last: dict[str, dict[str, dict[str, Any]]] = {}
        self.names = {_selector(tree.hierarchy): tree.name for tree in self.trees}

    def look(self, budget: Budget) -> dict[str, dict[str, Any]]:
        """Every group in every hierarchy."""
        found: dict[str, dict[str, Any]] = {}
        self.incomplete = False
        for tree in self.trees:
            if not tree.plain or self.looks % SLOWLY == 0 or tree.name not in self.last:
                self.last[tree.name] = self._walk(tree, budget)
            found.update(self.last[tree.name])
        self.looks += 1
        return found

    def _walk(self, tree: Tree, budget: Budget) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        groups: dict[str, Group] = {}
        queue, listed = [("/", tree.top, 0)], 0
        while queue:
            path, directory, depth = queue.pop(0)
            if len(groups) >= MOST // (1 if tree.hierarchy.unified else 4) or budget.spent:
                budget.cut("cgroups", -1 if listed >= MOST_LISTED or budget.spent else 1 + len(queue))
                self.incomplete = self.incomplete or tree is self.trees[0]
                break
            group = tree.groups.get(path) or self._open(tree, path, directory)
            try:
                below = _directories(directory) if depth < DEEPEST and listed < MOST_LISTED else []
                found[f"{tree.name}:{clean(path)}"] = self._read(tree, group)
            except OSError:
                continue
            groups[path] = group
            listed += len(below)
            queue += [(f"{path.rstrip('/')}/{each}", f"{directory}/{each}", depth + 1) for each in below]
        tree.groups = groups
        return found

    def _open(self, tree: Tree, path: str, directory: str) -> Group:
        """A group that is new to us."""
        parent = None if path == "/" else f"{tree.name}:{clean(path.rpartition('/')[0] or '/')}"
        readers = cgroup_files.readers(directory, tree.hierarchy.unified)
        facts = {
            "hierarchy": tree.name, "version": 2 if tree.hierarchy.unified else 1, "path": clean(path), "parent": parent,
            "controllers": sorted(tree.hierarchy.controllers - {""}), "processes": 0, "delegated": False, "frozen": False,
            "limits": {}, "usage": {}, "events": {}, "pressure": {},
            "files": {name: file for reader in readers for name, file in reader.files().items()},
        }  # fmt: skip
        return Group(directory, facts, readers)

    def _read(self, tree: Tree, group: Group) -> dict[str, Any]:
        """The group as it is now."""
        facts: dict[str, Any] = {**group.facts, "limits": {}, "usage": {}, "events": {}, "pressure": {}}
        uid = os.stat(group.directory).st_uid
        facts["delegated"] = self.subject.inside_id(uid) is not None
        if tree.hierarchy.unified:
            facts["controllers"] = read(f"{group.directory}/cgroup.controllers").decode().split()
        facts["processes"] = len(members(group.directory))
        for reader in group.readers:
            reader.read(group.directory, facts)
        return facts

    @property
    def places(self) -> list[tuple[str, str]]:
        """Where processes are listed: (id, directory) of each group in one hierarchy, version 2 first."""
        trees = self.trees[:1]
        found = [(f"{tree.name}:{clean(path)}", group.directory) for tree in trees for path, group in tree.groups.items()]
        return found or [(f"{tree.name}:/", tree.top) for tree in trees]

    def of_process(self, text: bytes) -> list[str] | None:
        """The group ids in a /proc/PID/cgroup; None if it is not in the sandbox's own groups."""
        mark = self.subject.relative_group
        found = []
        for line in text.splitlines():
            _, controllers, path = line.split(b":", 2)
            _, here, rest = path.partition(mark)
            if not here or (rest and not rest.startswith(b"/")):
                continue
            if tree := self.names.get(controllers):
                found.append(f"{tree}:{clean(rest or b'/')}")
        return found or None


def name(tree: Hierarchy) -> str:
    """What a hierarchy is called: its controllers, or `unified`."""
    return "unified" if tree.unified else tree.options.removeprefix("name=")


def _selector(tree: Hierarchy) -> bytes:
    """The same as /proc/PID/cgroup has it."""
    return b"" if tree.unified else tree.options.encode()


def members(directory: str) -> list[int]:
    """The pids in a group; a threaded one (EOPNOTSUPP) has them listed further up."""
    try:
        return [int(word) for word in read(f"{directory}/cgroup.procs").split()]
    except OSError:
        return []


def _directories(path: str) -> list[str]:
    """The groups below one; never more than are looked at."""
    found = []
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                found.append(entry.name)
                if len(found) >= MOST_LISTED:
                    break
    return sorted(found, key=lambda each: each != LEAF)  # where most processes are comes first
