"""How each peer is asked for the same thing: a login shell on the same root.

Each gets as many namespaces as it can make. What it leaves out stands in its note.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

SHELL = ["/bin/bash", "-l"]
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "TERM": "xterm"}
MOUNTS = [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
    {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance", "ptmxmode=0666"]},
    {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "nodev"]},
    {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "ro"]},
]


@dataclass(frozen=True)
class Peer:
    """A runtime, its command line for round n, and what it does not do."""

    name: str
    command: list[str]
    note: str

    def arguments(self, number: int) -> list[str]:
        """The command with the round's own name in it."""
        return [part.replace("@NAME@", f"bench-{number}") for part in self.command]


def oci_config(rootfs: Path) -> dict[str, object]:
    """A config.json with every namespace that crun 1.8 knows."""
    mapping = {"containerID": 0, "hostID": 0, "size": 65536}  # the identity: the tree belongs to root
    kinds = ("pid", "network", "ipc", "uts", "mount", "user", "cgroup")
    environment = [f"{name}={value}" for name, value in ENVIRONMENT.items()]
    process = {"terminal": True, "user": {"uid": 0, "gid": 0}, "args": SHELL, "env": environment, "cwd": "/root"}
    return {
        "ociVersion": "1.0.2",
        "process": process,
        "root": {"path": str(rootfs)},
        "hostname": "box",
        "mounts": MOUNTS,
        "linux": {
            "namespaces": [{"type": kind} for kind in kinds],
            "uidMappings": [mapping],
            "gidMappings": [mapping],
        },
    }


def crun(rootfs: Path, work: Path) -> Peer:
    """crun with a bundle; cgroups off, since 1.8 refuses hybrid hosts."""
    bundle = work / "bundle"
    bundle.mkdir(parents=True, exist_ok=True)
    (bundle / "config.json").write_text(json.dumps(oci_config(rootfs)))
    command = ["crun", "--cgroup-manager=disabled", f"--root={work}/crun", "run", f"--bundle={bundle}", "@NAME@"]
    return Peer("crun", command, "7 namespaces; no overlay, no cgroup, no seccomp, no link")


def bwrap(rootfs: Path, _work: Path) -> Peer:
    """bubblewrap with all it can unshare; it maps one id."""
    isolation = ["--unshare-all", "--unshare-user", "--uid", "0", "--gid", "0", "--hostname", "box"]
    tree = ["--bind", str(rootfs), "/", "--proc", "/proc", "--dev", "/dev", "--chdir", "/root"]
    environment = ["--clearenv", *(word for item in ENVIRONMENT.items() for word in ("--setenv", *item))]
    note = "one id mapped; no overlay, no cgroup, no seccomp, no link"
    return Peer("bwrap", ["bwrap", *isolation, *tree, *environment, *SHELL], note)


def podman(rootfs: Path, work: Path) -> Peer:
    """podman on the same root with an overlay; no image store, no log, no network."""
    places = [f"--root={work}/podman", f"--runroot={work}/podman-run", "--cgroup-manager=cgroupfs"]
    quiet = ["--events-backend=none", "--runtime=crun"]
    limits = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=4096:4096", "--cgroups=disabled"]
    run = ["run", "--rm", "-it", "--network=none", "--log-driver=none", "--name=@NAME@", "--hostname=box"]
    command = ["podman", *places, *quiet, *run, *limits, "--rootfs", f"{rootfs}:O", *SHELL]
    return Peer("podman", command, "overlay, seccomp; no cgroup, no user namespace, no link")


def available(rootfs: Path, work: Path) -> list[Peer]:
    """The peers whose program is here."""
    return [make(rootfs, work) for make in (crun, bwrap, podman) if shutil.which(make.__name__)]
