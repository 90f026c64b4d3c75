"""config.json: read, and refused with the name of the field before anything has been made.

Only what decides whether we can go on is checked here; a number that the kernel dislikes is named
by the step that wrote it. What we do not know is an error where it asks for isolation (a namespace,
a kind of rule), and is left alone where the specification says so (annotations, unknown fields).

See config.md and config-linux.md of the OCI runtime specification.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime.errors import SpecError
from runtime.linux import constants as c

Json = dict[str, Any]
KINDS = tuple(kind for kind in c.NAMESPACE_FLAGS if kind != "time")


@dataclass(frozen=True)
class Bundle:
    """A checked config.json with the directory it lies in."""

    directory: Path
    raw: Json
    rootfs: Path
    process: Json = field(default_factory=dict)
    linux: Json = field(default_factory=dict)
    namespaces: dict[str, str] = field(default_factory=dict)

    @property
    def annotations(self) -> dict[str, str]:
        return dict(self.raw.get("annotations") or {})

    @property
    def mounts(self) -> list[Json]:
        return list(self.raw.get("mounts") or [])

    def hooks(self, name: str) -> list[Json]:
        """The programs to run at one moment of the container's life."""
        return list((self.raw.get("hooks") or {}).get(name) or [])


def read(directory: Path) -> Bundle:
    """The bundle in this directory; SpecError names what is missing or wrong."""
    try:
        raw = json.loads((directory / "config.json").read_text())
    except OSError as error:
        raise SpecError("config.json", f"cannot be read in {directory}: {error.strerror}") from error
    except ValueError as error:
        raise SpecError("config.json", f"is no JSON: {error}") from error
    return check(directory, raw)


def check(directory: Path, raw: Any) -> Bundle:
    """The same for a document that has been read."""
    _require(isinstance(raw, dict), "config.json", "is not an object")
    version = raw.get("ociVersion")
    _require(isinstance(version, str) and version.startswith("1."), "ociVersion", f"{version!r} is not a version 1")
    root = raw.get("root")
    _require(isinstance(root, dict) and isinstance(root.get("path"), str), "root.path", "is missing")
    rootfs = (directory / root["path"]).resolve()
    _require(rootfs.is_dir(), "root.path", f"{rootfs} is not a directory")
    linux = raw.get("linux") or {}
    _require(isinstance(linux, dict), "linux", "is not an object")
    process = raw.get("process") or {}
    if process:
        check_process(process)
    _check_mounts(raw.get("mounts") or [])
    return Bundle(directory, raw, rootfs, process, linux, _namespaces(linux.get("namespaces") or []))


def check_process(process: Any) -> Json:
    """A `process`: of a bundle, or of a file that `exec` is given."""
    _require(isinstance(process, dict), "process", "is not an object")
    args = process.get("args")
    _require(isinstance(args, list) and bool(args) and all(isinstance(word, str) for word in args), "process.args", "is empty")
    _require(
        isinstance(process.get("cwd", "/"), str) and process.get("cwd", "/").startswith("/"), "process.cwd", "is not absolute"
    )
    env = process.get("env") or []
    _require(
        isinstance(env, list) and all(isinstance(one, str) and "=" in one for one in env), "process.env", "has no NAME=value"
    )
    return dict(process)


def _namespaces(entries: Any) -> dict[str, str]:
    """Kind → the path to join, or nothing for a new one."""
    found: dict[str, str] = {}
    for entry in entries:
        kind, path = entry.get("type"), entry.get("path") or ""
        _require(kind in KINDS, "linux.namespaces", f"{kind!r} is not one of {', '.join(KINDS)}")
        _require(kind not in found, "linux.namespaces", f"{kind} is there twice")
        _require(not path or path.startswith("/"), "linux.namespaces", f"{path!r} is not absolute")
        found[kind] = path
    return found


def _check_mounts(entries: Any) -> None:
    for entry in entries:
        place = entry.get("destination")
        _require(isinstance(place, str) and bool(place), "mounts.destination", f"{place!r} is not a path")


def _require(condition: bool, path: str, message: str) -> None:
    if not condition:
        raise SpecError(path, message)
