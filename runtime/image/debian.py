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
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

from runtime.errors import VitrineError
from runtime.image.jail import Jail, start
from runtime.image.streams import Stream
from runtime.image.unpack import Limits, Unpacker

Say = Callable[[str], None]
# Names that Debian made links into /usr; a package may still ship the old ones.
MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
MERGED_ROOTS = tuple(f"usr/{name}" for name in MERGED)


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
            "Dir::Etc::sourcelist": "sources.list",
            "Dir::Etc::sourceparts": "none",
            "Dir::Etc::preferences": "none",
            "Dir::Etc::preferencesparts": "none",
            "Dir::State": "state",
            "Dir::State::status": "status",
            "Dir::State::lists": "lists",
            "Dir::Cache": ".",
            "Dir::Cache::archives": "archives",
            "Dir::Cache::pkgcache": "pkgcache.bin",
            "Dir::Cache::srcpkgcache": "srcpkgcache.bin",
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


class PackageUnpacker(Unpacker):
    """Puts what a package has into a tree with merged /usr, beside other packages that do the same."""

    def clean(self, name: str) -> str:
        return merged(super().clean(name))

    def _directory(self, member: tarfile.TarInfo, path: str) -> None:
        """The first package that has a directory makes it; the next leaves it as it is."""
        if path in MERGED_ROOTS or os.path.isdir(path):
            return
        try:
            super()._directory(member, path)
        except FileExistsError:
            self.directories.pop(path, None)


def merged(name: str) -> str:
    """The path where a file lives once /bin is a link to /usr/bin."""
    return f"usr/{name}" if name.split("/", 1)[0] in MERGED else name


def unpack(packages: list[Path], root: Path, exclude: list[str]) -> None:
    """Unpack every package into `root`, as many at a time as there are processors."""
    _merge_usr(root)
    refuse = re.compile("|".join(fnmatch.translate(pattern) for pattern in exclude) or r"(?!)")
    running: list[tuple[Jail, subprocess.Popen[bytes]]] = []
    try:
        for package in sorted(packages, key=lambda path: -path.stat().st_size):
            while len(running) >= (os.cpu_count() or 1):
                _reap(*running.pop(0))
            opened = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE)
            assert opened.stdout is not None
            running.append((_start(package, root, opened.stdout.fileno(), refuse), opened))
            opened.stdout.close()
        while running:
            _reap(*running.pop(0))
    finally:
        for jail, opened in running:
            jail.end()
            opened.wait()


def _start(package: Path, root: Path, archive: int, refuse: re.Pattern[str]) -> Jail:
    limits = Limits()
    # base-files of newer releases ships the links /bin, /sbin, … themselves; here they exist
    unpacker = PackageUnpacker(limits, keep=lambda name: name not in MERGED_ROOTS and not refuse.match(name))
    return start(package.name, root, archive, lambda fd: unpacker.run(Stream(fd, "none", limits.bytes)).to_bytes(), limits.bytes)


def _reap(jail: Jail, opened: subprocess.Popen[bytes]) -> None:
    """Wait for the oldest jail; either side failing is the failure of the package."""
    jail.result(Limits().seconds)
    if opened.wait():
        raise VitrineError(f"{jail.name}: dpkg-deb could not open it")


def _merge_usr(root: Path) -> None:
    """/bin, /sbin and /lib* are links into /usr, as on every Debian since bookworm."""
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / name).mkdir(parents=True, exist_ok=True)
        if not os.path.lexists(root / name):
            (root / name).symlink_to(f"usr/{name}")
