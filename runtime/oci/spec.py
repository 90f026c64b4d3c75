"""The spec: the parsed `config.json` of the OCI runtime specification, as much as we honour.

What Vitrine adds to the specification lives in annotations beginning `org.vitrine.`; any
other runtime reads the same file and ignores them. An invalid spec is refused with the path of
the field, before anything has been made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from runtime.errors import SpecError
from runtime.oci import volumes as disk_volumes
from runtime.oci.state import OCI_VERSION
from runtime.paths import check_id

NAMESPACES = ("pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time")
PROFILES = ("nested", "strict")
NETWORKS = ("none", "lab", "internet")
PREFIX = "org.vitrine."
BACKEND = PREFIX + "backend"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_ENV = {"PATH": PATH, "HOME": "/root", "TERM": "xterm-256color", "LANG": "C.UTF-8", "container": "vitrine"}
MEBIBYTE = 1 << 20
# The only device that is ever asked for, and QEMU's id inside: see runtime/container/devices.py.
KVM: dict[str, Any] = {"path": "/dev/kvm", "type": "c", "major": 10, "minor": 232, "fileMode": 0o600, "uid": 1000, "gid": 1000}


@dataclass(frozen=True)
class Process:
    """A program to run inside: OCI's `process`. `env` is a mapping; the file has NAME=value."""

    args: tuple[str, ...] = ("/bin/bash", "-l")
    env: dict[str, str] = field(default_factory=lambda: dict(DEFAULT_ENV))
    cwd: str = "/root"
    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        env = [f"{name}={value}" for name, value in self.env.items()]
        user: dict[str, Any] = {"uid": self.uid, "gid": self.gid}
        if self.groups:
            user["additionalGids"] = list(self.groups)
        return {"args": list(self.args), "env": env, "cwd": self.cwd, "user": user}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Process:
        user = data.get("user", {})
        env = dict(line.partition("=")[::2] for line in data.get("env", []))
        process = cls(
            tuple(data.get("args", ())),
            env,
            data.get("cwd", "/"),
            user.get("uid", 0),
            user.get("gid", 0),
            tuple(user.get("additionalGids", ())),
        )
        process.validate()
        return process

    def validate(self) -> None:
        """Refuse what execve(2) would refuse, and ids outside the mapped range."""
        _require(bool(self.args), "process.args", "is empty")
        strings = [*self.args, *self.env, *self.env.values(), self.cwd]
        _require(all(isinstance(s, str) and "\0" not in s for s in strings), "process", "has a string with a NUL")
        _require(all(name and "=" not in name for name in self.env), "process.env", "has a name with '='")
        _require(self.cwd.startswith("/"), "process.cwd", "is not absolute")
        for name, value in (("uid", self.uid), ("gid", self.gid), *(("additionalGids", gid) for gid in self.groups)):
            _require(_number(value, 0, 65535), f"process.user.{name}", "is not in 0..65535")


@dataclass(frozen=True)
class Resources:
    """What one container may use; each bound becomes a cgroup limit or a size of a tmpfs."""

    memory_bytes: int = 256 * MEBIBYTE
    cpus: float = 0.5
    pids: int = 256
    disk_bytes: int = 512 * MEBIBYTE

    @property
    def writable_bytes(self) -> int:
        """The size of the writable layer. It lies in memory: a full one must leave room for processes."""
        return min(self.disk_bytes, self.memory_bytes * 3 // 4)

    def validate(self) -> None:
        path = "linux.resources"
        _require(_number(self.memory_bytes, 4 * MEBIBYTE, 1 << 40), f"{path}.memory.limit", "is not in 4 MiB..1 TiB")
        _require(
            isinstance(self.cpus, int | float) and 0.01 <= self.cpus <= 1024, f"{path}.cpu", "is not in 0.01..1024 processors"
        )
        _require(_number(self.pids, 4, 32768), f"{path}.pids.limit", "is not in 4..32768")
        _require(_number(self.disk_bytes, MEBIBYTE, 1 << 40), f"annotations.{PREFIX}disk", "is not in 1 MiB..1 TiB")

    def to_dict(self) -> dict[str, Any]:
        return {
            "memory": {"limit": self.memory_bytes},
            "cpu": {"quota": round(self.cpus * 100_000), "period": 100_000},
            "pids": {"limit": self.pids},
        }


@dataclass(frozen=True)
class Spec:
    """Everything `create` needs to know, apart from where the layers lie."""

    id: str
    process: Process = field(default_factory=Process)
    hostname: str = "box"
    resources: Resources = field(default_factory=Resources)
    profile: str = "nested"
    net: str = "none"
    lab: str | None = None
    lab_index: int = 0
    hosts: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    volumes: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    kvm: bool = False
    nameserver: str = ""

    def __post_init__(self) -> None:
        self.validate()

    @property
    def machine(self) -> bool:
        """Whether a virtual machine runs in this container."""
        return self.annotations.get(BACKEND) == "vm"

    @property
    def nested(self) -> bool:
        """Whether the guest may make containers of its own."""
        return self.profile == "nested"

    def validate(self) -> None:
        check_id(self.id)
        self.process.validate()
        self.resources.validate()
        disk_volumes.check(self.volumes)
        _require(not self.services or self.services[0].startswith("/"), "hooks.startContainer.path", "is not absolute")
        _require(self.profile in PROFILES, f"annotations.{PREFIX}profile", f"is not one of {', '.join(PROFILES)}")
        _require(self.net in NETWORKS, f"annotations.{PREFIX}net", f"is not one of {', '.join(NETWORKS)}")
        _require(_is_hostname(self.hostname), "hostname", "is not a host name")
        _require(self.net == "none" or bool(self.lab), f"annotations.{PREFIX}lab", "is missing")
        if self.lab is not None:
            check_id(self.lab)
        _require(_number(self.lab_index, 0, 200), f"annotations.{PREFIX}lab-index", "is not in 0..200")
        for name, address in self.hosts.items():
            _require(_is_hostname(name) and _is_address(address), f"annotations.{PREFIX}hosts", f"has a bad line for {name!r}")
        _require(not self.nameserver or _is_address(self.nameserver), f"annotations.{PREFIX}nameserver", "is not an address")
        texts = [*self.annotations, *self.annotations.values()]
        _require(all(isinstance(text, str) for text in texts), "annotations", "are not all strings")

    def to_dict(self) -> dict[str, Any]:
        """The config.json of this container."""
        return {
            "ociVersion": OCI_VERSION,
            "root": {"path": "rootfs"},
            "hostname": self.hostname,
            "process": self.process.to_dict(),
            "mounts": disk_volumes.to_dicts(self.volumes),
            "hooks": {"startContainer": [{"path": self.services[0], "args": list(self.services)}] if self.services else []},
            "linux": {
                "namespaces": [{"type": name} for name in NAMESPACES],
                "resources": self.resources.to_dict(),
                "devices": [KVM] if self.kvm else [],
            },
            "annotations": {**self.annotations, **self._extras()},
        }

    def _extras(self) -> dict[str, str]:
        extras = {
            "id": self.id,
            "profile": self.profile,
            "net": self.net,
            "lab": self.lab or "",
            "lab-index": str(self.lab_index),
            "disk": str(self.resources.disk_bytes),
            "nameserver": self.nameserver,
            "hosts": " ".join(f"{name}={address}" for name, address in self.hosts.items()),
        }
        return {PREFIX + name: value for name, value in extras.items()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Spec:
        """Read a config.json; what is missing is named, what is wrong is named."""
        try:
            return cls._parse(data)
        except KeyError as error:
            raise SpecError(str(error.args[0]), "is missing") from error
        except (TypeError, ValueError, AttributeError) as error:
            raise SpecError("config.json", str(error)) from error

    @classmethod
    def _parse(cls, data: dict[str, Any]) -> Spec:
        notes = dict(data["annotations"])
        extra = {name.removeprefix(PREFIX): notes.pop(name) for name in list(notes) if name in _EXTRA_NAMES}
        limits = data["linux"]["resources"]
        resources = Resources(
            limits["memory"]["limit"],
            limits["cpu"]["quota"] / limits["cpu"]["period"],
            limits["pids"]["limit"],
            int(extra["disk"]),
        )
        hosts = dict(pair.split("=", 1) for pair in extra.get("hosts", "").split())
        hooks = data.get("hooks", {}).get("startContainer", [])
        devices = data["linux"].get("devices", [])
        _require(devices in ([], [KVM]), "linux.devices", "may hold /dev/kvm as we write it, and nothing else")
        return cls(
            extra["id"],
            Process.from_dict(data["process"]),
            data["hostname"],
            resources,
            extra["profile"],
            extra["net"],
            extra.get("lab") or None,
            int(extra.get("lab-index", 0)),
            hosts,
            notes,
            disk_volumes.from_dicts(data.get("mounts", [])),
            tuple(hooks[0]["args"]) if hooks else (),
            bool(devices),
            extra.get("nameserver", ""),
        )


_EXTRA_NAMES = {PREFIX + name for name in ("id", "profile", "net", "lab", "lab-index", "disk", "hosts", "nameserver")}


def sandbox_spec(  # noqa: PLR0913 - one argument for each thing a lesson may ask for
    id: str,
    *,
    profile: str = "nested",
    args: list[str] | None = None,
    env: dict[str, str] | None = None,
    hostname: str = "box",
    memory_bytes: int = 256 * MEBIBYTE,
    cpus: float = 0.5,
    pids: int = 256,
    disk_bytes: int = 512 * MEBIBYTE,
    net: str = "none",
    lab: str | None = None,
    lab_index: int = 0,
    hosts: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    volumes: tuple[str, ...] = (),
    services: tuple[str, ...] = (),
    kvm: bool = False,
    nameserver: str = "",
) -> Spec:
    """The spec of a sandbox as lessons ask for it."""
    process = Process(tuple(args) if args else ("/bin/bash", "-l"), {**DEFAULT_ENV, **(env or {})})
    resources = Resources(memory_bytes, cpus, pids, disk_bytes)
    return Spec(
        id, process, hostname, resources, profile, net, lab, lab_index, hosts or {}, annotations or {}, volumes, services, kvm,
        nameserver,
    )  # fmt: skip


def _require(condition: bool, path: str, message: str) -> None:
    if not condition:
        raise SpecError(path, message)


def _number(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_hostname(name: object) -> bool:
    return isinstance(name, str) and 0 < len(name) <= 64 and name.replace("-", "a").replace(".", "a").isalnum() and name.isascii()


def _is_address(text: object) -> bool:
    parts = text.split(".") if isinstance(text, str) else []
    return len(parts) == 4 and all(part.isdecimal() and int(part) < 256 for part in parts)
