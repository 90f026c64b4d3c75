"""What the spawner may be asked, and by whom.

A compromised web process must gain nothing by talking to the one root process. So a request
is a flat record of names and numbers: no path, no mount, no argument vector, no free-form
spec. Every field is checked here, once, and what is not listed is refused. Root on this host
may ask for more of a resource, never for other kinds of field.

See unix(7) for SO_PEERCRED.
"""

from __future__ import annotations

import pwd
import re
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runtime.errors import RefusedError
from runtime.paths import ID_PATTERN, is_pooled

MEBIBYTE = 1 << 20
BACKENDS = ("container", "vm")
NETWORKS = ("none", "lab", "internet")
IMAGE = re.compile(r"[a-z0-9][a-z0-9._:/-]{0,127}")
HOSTNAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9.-]{0,62}[a-zA-Z0-9])?")
ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}")
VERBS = (
    "create", "start", "delete", "list", "state", "kill", "pause", "resume", "ping", "shutdown",
    "snapshot", "snapshots", "forget",
)  # fmt: skip
ROOT_ONLY = ("shutdown",)
FIELDS = {
    "id", "image", "profile", "memory", "cpus", "pids", "disk", "net", "lab", "lab_index",
    "hostname", "hosts", "annotations", "backend", "snapshot",
}  # fmt: skip


@dataclass(frozen=True)
class Peer:
    """Who is on the other end of a connection, by the kernel's word."""

    pid: int
    uid: int
    gid: int

    @classmethod
    def of(cls, connection: socket.socket) -> Peer:
        return cls(*struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)))


@dataclass(frozen=True)
class Caps:
    """The most one sandbox may ask for."""

    memory: int = 2048 * MEBIBYTE
    cpus: float = 4.0
    pids: int = 4096
    disk: int = 8192 * MEBIBYTE


FOR_SITE = Caps()
FOR_ROOT = Caps(1 << 40, 1024.0, 32768, 1 << 40)


def site_user(environment: Mapping[str, str]) -> tuple[int, int]:
    """User and group of the web site; root's where there is no such user."""
    try:
        entry = pwd.getpwnam(environment.get("VITRINE_USER", "vitrine"))
    except KeyError:
        return 0, 0
    return entry.pw_uid, entry.pw_gid


def refuse(field: str, message: str) -> RefusedError:
    """The refusal of one field."""
    return RefusedError("request", None, f"{field}: {message}")


def admit(peer: Peer, verb: object, site_uid: int) -> str:
    """The verb, if this peer may use it."""
    if verb not in VERBS:
        raise refuse("verb", f"{verb!r} is not known")
    if peer.uid not in (0, site_uid):
        raise RefusedError("denied", None, f"user {peer.uid} may not use the spawner")
    if verb in ROOT_ONLY and peer.uid != 0:
        raise RefusedError("denied", None, f"only root may ask for {verb}")
    return str(verb)


def identifier(request: Mapping[str, Any]) -> str:
    """The sandbox a request is about. Those that wait in the pool are nobody's to name."""
    name = matching(request, "id", ID_PATTERN)
    if is_pooled(name):
        raise refuse("id", f"{name!r} is a name of the pool's")
    return name


def matching(request: Mapping[str, Any], field: str, pattern: re.Pattern[str], default: str | None = None) -> str:
    """A string of a certain form."""
    value = request.get(field, default)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise refuse(field, f"{value!r} is not allowed")
    return value


def number(request: Mapping[str, Any], field: str, default: float, low: float, high: float) -> Any:
    """A number within bounds; whole if its default is."""
    value = request.get(field, default)
    kinds = (int,) if isinstance(default, int) else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        raise refuse(field, f"{value!r} is not in {low:g}..{high:g}")
    return value


def choice(request: Mapping[str, Any], field: str, *allowed: str) -> str:
    """One of a few words; the first is the default."""
    value = request.get(field, allowed[0])
    if value not in allowed:
        raise refuse(field, f"{value!r} is not one of {', '.join(allowed)}")
    return str(value)


def mapping(request: Mapping[str, Any], field: str, most: int) -> dict[str, str]:
    """A small mapping of short strings."""
    value = request.get(field) or {}
    if not isinstance(value, dict) or len(value) > most:
        raise refuse(field, f"not a mapping of at most {most}")
    for key, text in value.items():
        if not isinstance(text, str) or len(key) > 128 or len(text) > 256 or not text.isprintable():
            raise refuse(field, f"{key!r} has no short text")
    return value


def hosts(request: Mapping[str, Any]) -> dict[str, str]:
    """Names of the lab's other sandboxes and their addresses."""
    names = mapping(request, "hosts", 32)
    for name, address in names.items():
        if not HOSTNAME.fullmatch(name) or not ADDRESS.fullmatch(address):
            raise refuse("hosts", f"{name!r}={address!r} is not a name and an address")
    return names


def sandbox(request: Mapping[str, Any], caps: Caps) -> dict[str, Any]:
    """A create request, complete and checked: the image, and the arguments of `sandbox_spec`."""
    unknown = request.keys() - FIELDS - {"v", "verb"}
    if unknown:
        raise refuse(min(unknown), "is not a field of a sandbox")
    net, backend = choice(request, "net", *NETWORKS), choice(request, "backend", *BACKENDS)
    if net == "internet" and backend == "vm":
        raise refuse("net", "a virtual machine has no way to the internet here; lab and none are possible")
    lab = matching(request, "lab", ID_PATTERN) if net == "lab" or request.get("lab") is not None else None
    return {
        "id": identifier(request),
        "backend": backend,
        "image": matching(request, "image", IMAGE, "linux"),
        "profile": choice(request, "profile", "nested", "strict"),
        "memory_bytes": number(request, "memory", (128 if backend == "vm" else 256) * MEBIBYTE, 8 * MEBIBYTE, caps.memory),
        "cpus": number(request, "cpus", 1.0 if backend == "vm" else 0.5, 0.01, caps.cpus),
        "pids": number(request, "pids", 256, 8, caps.pids),
        "disk_bytes": number(request, "disk", 512 * MEBIBYTE, MEBIBYTE, caps.disk),
        "net": net,
        "lab": identifier(request) if net == "internet" and lab is None else lab,
        "lab_index": number(request, "lab_index", 0, 0, 200),
        "hostname": matching(request, "hostname", HOSTNAME, "box"),
        "hosts": hosts(request),
        "annotations": mapping(request, "annotations", 8),
    }
