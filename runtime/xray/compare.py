"""Observations, and the difference between two of them.

An observation is a mapping of collections; a collection maps ids to flat objects. It is never
altered after it was made, so it can be kept by whoever has not been told of it yet: a slow
viewer's next message is the difference between what she was last sent and what is now, however
many observations lie between. She gets fewer messages, and never an old one.

    patch = {collection: {"added": {id: object}, "changed": {id: {field: value}}, "removed": [id]}}

docs/xray.md has the fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FORMAT = 1
COLLECTIONS = (
    "machine", "processes", "namespaces", "mounts", "cgroups", "layers", "changes", "links", "addresses",
    "routes", "sockets", "capabilities", "limits", "steps", "guest", "guest_processes",
)  # fmt: skip
Object = Mapping[str, Any]
Collection = Mapping[str, Object]
Patch = dict[str, dict[str, Any]]


class StaleError(ValueError):
    """A change that does not begin where we are."""


@dataclass(frozen=True)
class Observation:
    """One immutable reading."""

    epoch: str
    version: int
    time: float
    truncated: Mapping[str, int]
    collections: Mapping[str, Collection]

    def to_dict(self) -> dict[str, Any]:
        """As the document that is sent."""
        head = {"format": FORMAT, "epoch": self.epoch, "version": self.version, "time": self.time}
        return {**head, "truncated": dict(self.truncated), **{name: self.collections.get(name, {}) for name in COLLECTIONS}}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Observation:
        """Back from a document."""
        collections = {name: data.get(name, {}) for name in COLLECTIONS}
        return cls(data["epoch"], data["version"], data["time"], data.get("truncated", {}), collections)

    def since(self, old: Observation) -> dict[str, Any]:
        """The message that leads from an older observation of the same epoch to this one."""
        return {
            "type": "change", "epoch": self.epoch, "from": old.version, "to": self.version, "time": self.time,
            "truncated": dict(self.truncated), "patch": difference(old.collections, self.collections),
        }  # fmt: skip

    def after(self, change: dict[str, Any]) -> Observation:
        """The observation a change leads to; StaleError if it does not begin at this one."""
        if (change["epoch"], change["from"]) != (self.epoch, self.version):
            raise StaleError(f"a change from {change['from']} cannot follow {self.version}")
        collections = applied(self.collections, change["patch"])
        return Observation(self.epoch, change["to"], change["time"], change["truncated"], collections)


def difference(old: Mapping[str, Collection], new: Mapping[str, Collection]) -> Patch:
    """What leads from one to the other; empty if nothing changed."""
    patch = {}
    for name in COLLECTIONS:
        before, after = old.get(name, {}), new.get(name, {})
        if before is not after and (parts := _collection(before, after)):
            patch[name] = parts
    return patch


def _collection(before: Collection, after: Collection) -> dict[str, Any]:
    added = {key: value for key, value in after.items() if key not in before}
    removed = [key for key in before if key not in after]
    changed = {}
    for key, value in after.items():
        earlier = before.get(key)
        if earlier is None or earlier is value or earlier == value:
            continue
        changed[key] = {field: each for field, each in value.items() if field not in earlier or earlier[field] != each}
    parts = {"added": added, "changed": changed, "removed": removed}
    return {name: part for name, part in parts.items() if part}


def applied(old: Mapping[str, Collection], patch: Patch) -> dict[str, Collection]:
    """New collections; those that do not change are shared with the old ones."""
    new = dict(old)
    for name, parts in patch.items():
        gone = set(parts.get("removed", ()))
        objects = {key: value for key, value in old.get(name, {}).items() if key not in gone}
        objects.update(parts.get("added", {}))
        for key, fields in parts.get("changed", {}).items():
            objects[key] = {**objects.get(key, {}), **fields}
        new[name] = objects
    return new
