"""A tree from Debian packages, without running one line of them.

apt resolves and downloads in a root of its own (an empty dpkg status, so everything counts as
missing) and verifies signatures and hashes as always. dpkg-deb opens each package; a jail
unpacks it. Maintainer scripts are never run: what they would have done is in `configure`.
A debootstrap takes half a minute for the same tree, most of it in those scripts.

See apt.conf(5), dpkg-deb(1).
"""

from __future__ import annotations

import fnmatch
import os
import re
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

from runtime.errors import VitrineError
from runtime.image import jail

Say = Callable[[str], None]


class Apt:
    """apt with a state of its own; the host's package database is neither read nor written."""

    def __init__(self, directory: Path, sources: list[str]) -> None:
        self.directory = directory
        self.archives = directory / "archives"
        for name in ("lists/partial", "archives/partial", "state"):
            (directory / name).mkdir(parents=True, exist_ok=True)
        (directory / "status").touch()
        (directory / "sources.list").write_text("\n".join(sources) + "\n")
        self._configuration().write_text(self._settings())

    def _configuration(self) -> Path:
        return self.directory / "apt.conf"

    def _settings(self) -> str:
        settings = {
            "Dir::Etc::sourcelist": "sources.list", "Dir::Etc::sourceparts": "none",
            "Dir::Etc::preferences": "none", "Dir::Etc::preferencesparts": "none",
            "Dir::State": "state", "Dir::State::status": "status", "Dir::State::lists": "lists",
            "Dir::Cache": ".", "Dir::Cache::archives": "archives",
            "Dir::Cache::pkgcache": "pkgcache.bin", "Dir::Cache::srcpkgcache": "srcpkgcache.bin",
        }
        lines = [f'{key} "{self.directory / value}";' for key, value in settings.items()]
        lines += ['APT::Install-Recommends "false";', 'Acquire::Languages "none";']
        return "\n".join(lines) + "\n"

    def run(self, *arguments: str) -> str:
        """apt-get with this state; its own words are the error when it fails."""
        command = ["apt-get", "-q", "-c", str(self._configuration()), *arguments]
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        done = subprocess.run(command, cwd=self.archives, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise VitrineError(f"apt-get {arguments[0]}: {done.stderr.strip()[-2000:]}")
        return done.stdout

    def resolve(self, packages: Iterable[str], without: Iterable[str]) -> list[str]:
        """The names of the packages and of all they depend on, less those left out."""
        simulated = self.run("-s", "install", *packages)
        names = re.findall(r"^Inst (\S+)", simulated, re.MULTILINE)
        return sorted(name for name in names if not _matches(name, without))

    def download(self, names: list[str]) -> list[Path]:
        """The packages as files, each verified against the signed index."""
        before = set(self.archives.glob("*.deb"))
        for old in before:
            old.unlink()
        self.run("download", *names)
        return sorted(self.archives.glob("*.deb"))


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def unpack(packages: list[Path], root: Path, exclude: list[str]) -> None:
    """Unpack every package into `root`, as many at a time as there are processors."""
    _merge_usr(root)
    refuse = re.compile("|".join(fnmatch.translate(pattern) for pattern in exclude) or r"(?!)")
    running: dict[int, tuple[Path, subprocess.Popen[bytes]]] = {}
    for package in sorted(packages, key=lambda path: -path.stat().st_size):
        while len(running) >= (os.cpu_count() or 1):
            _reap(running)
        opened = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE)
        assert opened.stdout is not None
        pid = jail.start(root, opened.stdout, lambda name: not refuse.match(name))
        opened.stdout.close()
        running[pid] = (package, opened)
    while running:
        _reap(running)


def _reap(running: dict[int, tuple[Path, subprocess.Popen[bytes]]]) -> None:
    """Wait for the oldest jail; either side failing is the failure of the package."""
    pid, (package, opened) = next(iter(running.items()))
    del running[pid]
    _, status = os.waitpid(pid, 0)
    if opened.wait() or status:
        raise VitrineError(f"{package}: could not be unpacked")


def _merge_usr(root: Path) -> None:
    """/bin, /sbin and /lib* are links into /usr, as on every Debian since bookworm."""
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / name).mkdir(parents=True, exist_ok=True)
        if not os.path.lexists(root / name):
            (root / name).symlink_to(f"usr/{name}")
