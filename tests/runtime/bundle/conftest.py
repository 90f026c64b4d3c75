"""A bundle with busybox in it, and our command line on it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
COMMAND = ROOT / "script/runtime-bundle"
APPLETS = ("sh", "cat", "id", "ls", "sleep", "echo", "true", "mount", "readlink", "stat", "touch", "hostname", "tail")
NAMESPACES = ("pid", "network", "ipc", "uts", "mount", "cgroup")
MOUNTS = [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755", "size=64k"]},
    {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666"]},
    {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
]  # fmt: skip


class Bundles:
    """Bundles below one directory, and the containers made of them; `end` removes every one."""

    def __init__(self, place: Path) -> None:
        self.place, self.state = place, place / "state"
        self.rootfs = place / "rootfs"
        (self.rootfs / "bin").mkdir(parents=True)
        shutil.copy("/bin/busybox", self.rootfs / "bin/busybox")
        for name in APPLETS:
            (self.rootfs / "bin" / name).symlink_to("busybox")

    def write(self, *args: str, **changes: object) -> Path:
        """A config.json that runs this; `linux_` and `process_` before a name lead into those objects."""
        config = {
            "ociVersion": "1.0.2", "root": {"path": str(self.rootfs)}, "mounts": MOUNTS, "hostname": "bundle",
            "process": {"args": list(args), "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}},
            "linux": {"namespaces": [{"type": name} for name in NAMESPACES], "cgroupsPath": f"/vitrine-bundles-test/{self.place.name}"},
        }  # fmt: skip
        for name, value in changes.items():
            head, _, rest = name.partition("_")
            (config[head] if rest else config)[rest or head] = value
        (self.place / "config.json").write_text(json.dumps(config))
        return self.place

    def call(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        command = [str(COMMAND), "--root", str(self.state), *words]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60)

    def run(self, *args: str, **changes: object) -> subprocess.CompletedProcess[str]:
        """create, start, wait, delete; the program's output and status."""
        return self.call("run", "--bundle", str(self.write(*args, **changes)), "one")

    def create(self, name: str = "one") -> None:
        """A container that waits for `start`. Its output goes nowhere: it would keep our pipe open."""
        command = [str(COMMAND), "--root", str(self.state), "create", "--bundle", str(self.place), name]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=60)

    def status(self, name: str = "one") -> str:
        return str(json.loads(self.call("state", name).stdout)["status"])

    def end(self) -> None:
        for name in os.listdir(self.state) if self.state.is_dir() else ():
            self.call("delete", "--force", name)
        for tree in Path("/sys/fs/cgroup").glob("*/vitrine-bundles-test"):
            tree.rmdir()
        if (alone := Path("/sys/fs/cgroup/vitrine-bundles-test")).is_dir():
            alone.rmdir()


@pytest.fixture
def bundles(tmp_path):
    made = Bundles(tmp_path)
    yield made
    made.end()
