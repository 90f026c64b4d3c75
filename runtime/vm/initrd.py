"""What a guest finds in memory when its kernel starts: a cpio archive that becomes the first root.

The kernel unpacks it into a tmpfs and runs /init as pid 1. Drivers that are modules must come with
it, in the order of their dependencies, because nothing can be read from a disk before the disk's
driver is there. The archive is written here by hand: the format is a header of hexadecimal numbers,
a name and the bytes, and needs neither root nor mknod(2) to hold device nodes.

See Documentation/driver-api/early-userspace/buffer-format.rst and modules.dep(5).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from runtime.errors import NotFoundError, VitrineError
from runtime.vm.kernel import Kernel

MAGIC = b"070701"
DIRECTORIES = ("dev", "proc", "sys", "tmp", "run", "bin", "modules", "lower", "over", "new")
BUSYBOX = Path("/bin/busybox")


class Archive:
    """A cpio archive of the kind `newc`, in memory."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._count = 0

    def add(self, name: str, mode: int, data: bytes = b"", device: tuple[int, int] = (0, 0)) -> None:
        """One entry: its path without a leading slash, type and permissions as in stat(2), content or link target."""
        self._count += 1
        path = name.encode() + b"\0"
        fields = (self._count, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(path), 0)
        self._bytes += MAGIC + b"".join(b"%08X" % field for field in fields) + path
        self._pad()
        self._bytes += data
        self._pad()

    def finished(self) -> bytes:
        self.add("TRAILER!!!", 0)
        return bytes(self._bytes)

    def _pad(self) -> None:
        self._bytes += b"\0" * (-len(self._bytes) % 4)


def with_dependencies(kernel: Kernel, names: Iterable[str]) -> list[Path]:
    """The files of these modules and of all they need, in the order to load them."""
    needs = _read_dependencies(kernel)
    ordered: list[Path] = []
    for name in names:
        if name not in needs:
            if name in _built_in(kernel):
                continue
            raise NotFoundError(f"kernel {kernel.release} has no module {name!r}")
        # depmod lists all dependencies, the innermost last.
        for path in [*reversed(needs[name][1:]), needs[name][0]]:
            if path not in ordered:
                ordered.append(path)
    return ordered


def _read_dependencies(kernel: Kernel) -> dict[str, list[Path]]:
    """Module name → its file and those it needs, as modules.dep has them."""
    found = {}
    for line in (kernel.modules / "modules.dep").read_text().splitlines():
        paths = [kernel.modules / part for part in line.replace(":", " ").split()]
        found[_module_name(paths[0].name)] = paths
    return found


def _built_in(kernel: Kernel) -> set[str]:
    return {_module_name(Path(line).name) for line in (kernel.modules / "modules.builtin").read_text().splitlines()}


def _module_name(file: str) -> str:
    return file.split(".ko", 1)[0].replace("-", "_")


def build(kernel: Kernel, init: str, modules: Iterable[str], files: dict[str, bytes] | None = None) -> bytes:
    """An archive with busybox, the modules as /modules/00-name.ko … and `init`, a script for busybox's sh.

    `files` adds executables by path. Raises VitrineError when busybox is not a static program: nothing
    else is there for it to be linked with.
    """
    archive = Archive()
    for name in DIRECTORIES:
        archive.add(name, stat.S_IFDIR | 0o755)
    archive.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    archive.add("dev/null", stat.S_IFCHR | 0o666, device=(1, 3))
    archive.add("bin/busybox", stat.S_IFREG | 0o755, _busybox())
    archive.add("bin/sh", stat.S_IFLNK | 0o777, b"busybox")
    for number, path in enumerate(with_dependencies(kernel, modules)):
        archive.add(f"modules/{number:02}-{path.name}", stat.S_IFREG | 0o644, path.read_bytes())
    for name, data in (files or {}).items():
        archive.add(name, stat.S_IFREG | 0o755, data)
    archive.add("init", stat.S_IFREG | 0o755, init.encode())
    return archive.finished()


def _busybox() -> bytes:
    if not os.access(BUSYBOX, os.X_OK):
        raise VitrineError(f"{BUSYBOX} is missing: apt-get install busybox-static")
    program = BUSYBOX.read_bytes()
    if b"/ld-linux" in program[:4096]:
        raise VitrineError(f"{BUSYBOX} is not static: apt-get install busybox-static")
    return program
