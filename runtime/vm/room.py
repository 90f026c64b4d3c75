"""The room a machine stands in: one more layer over the image `machine`, made for one image of a lesson.

A machine runs in a container of ours: QEMU has the container's user, its limits, its filter and a root
directory with nothing in it but itself. What it needs of an image is put into a directory that becomes
the container's top read-only layer: the kernel, the first root, the disk, and the part of this runtime
that runs beside QEMU.

The disk is the image's layers as one erofs file: a file system that can only be read, made in a second
when it is not compressed. Every machine of the image reads the same file, so the host keeps it in memory
once. See mkfs.erofs(1).
"""

from __future__ import annotations

import compileall
import contextlib
import fcntl
import hashlib
import os
import py_compile
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.errors import VitrineError
from runtime.image.store import Store
from runtime.linux import constants as c
from runtime.linux import syscalls
from runtime.paths import Paths
from runtime.vm import initrd, kernel, programs

IMAGE = "machine"
DISKS, DRAFT = "disks", ".making-"
MODULES = ("virtio_mmio", "virtio_console", "virtio_blk", "virtio_net", "erofs", "overlay")
PACKAGE = Path(__file__).resolve().parents[1]
BESIDE = (
    "__init__.py errors.py loop.py linux/__init__.py linux/constants.py linux/syscalls.py vm/__init__.py vm/client.py "
    "vm/host.py vm/machine.py vm/monitor.py vm/qemu.py vm/relay.py vm/saving.py vm/supervisor.py vm/wires.py"
).split()
SCRIPTS = ("vm/guest/init.sh", "vm/guest/agent.sh")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Room:
    """A directory that is laid over the image `machine`; `layer/guest` holds what a machine needs."""

    layer: Path


def make(paths: Paths, layers: Sequence[Path], say: Say = print) -> Room:
    """The room for a stack of layers (lowest first), made unless it is there, which takes about a second.

    Raises NotFoundError without a kernel, VitrineError when a tool is missing.
    """
    guest = kernel.find(paths.state / "kernels")
    layer = paths.machines / key(guest, layers)
    if layer.is_dir():
        return Room(layer)
    with making(paths):
        if not layer.is_dir():
            say(f"making the disk and the first root of a machine on kernel {guest.release}")
            _make(guest, layers, layer)
    return Room(layer)


@contextlib.contextmanager
def making(paths: Paths) -> Iterator[None]:
    """One at a time."""
    place = paths.machines
    place.mkdir(mode=0o711, exist_ok=True)
    with (place / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def key(guest: kernel.Kernel, layers: Sequence[Path]) -> str:
    """One name for the kernel, the layers and the code that goes into the room."""
    total = hashlib.sha256("\0".join([guest.release, *(layer.name for layer in layers)]).encode())
    for name in (*BESIDE, *SCRIPTS):
        total.update((PACKAGE / name).read_bytes())
    for name, program in programs.files().items():
        total.update(name.encode() + program)
    return total.hexdigest()


def _make(guest: kernel.Kernel, layers: Sequence[Path], layer: Path) -> None:
    """Everything under a name that says it is not finished, then the name that says it is."""
    draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=layer.parent))
    try:
        inside = draft / "guest"
        inside.mkdir(mode=0o755)
        os.link(guest.image, inside / "vmlinux")
        script, agent = (PACKAGE / name for name in SCRIPTS)
        first = initrd.build(guest, script.read_text(), MODULES, {"agent": agent.read_bytes()} | programs.files())
        (inside / "initrd").write_bytes(first)
        for name in BESIDE:
            target = inside / "runtime" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PACKAGE / name, target)
        _compile(inside / "runtime")
        os.link(_disk(layer.parent / DISKS, layers), inside / "disk")
        draft.chmod(0o755)
        draft.rename(layer)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _compile(tree: Path) -> None:
    """Compiled beside the source, and never checked against it: nobody can write there when it runs."""
    compileall.compile_dir(tree, quiet=1, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


def _disk(place: Path, layers: Sequence[Path]) -> Path:
    """The disk of these layers; rooms that differ in kernel or code have the same."""
    place.mkdir(mode=0o700, exist_ok=True)
    disk = place / disk_name(layers)
    if not disk.exists():
        draft = disk.with_suffix(".making")
        draft.unlink(missing_ok=True)
        make_disk(layers, draft)
        draft.rename(disk)
    return disk


def disk_name(layers: Sequence[Path]) -> str:
    """One for each stack of layers."""
    return hashlib.sha256("\0".join(layer.name for layer in layers).encode()).hexdigest()


def make_disk(layers: Sequence[Path], target: Path) -> None:
    """One erofs file of these layers, lowest first. Several are seen as one through an overlay of our own,
    in a mount namespace that ends with the process that asked for it."""
    if shutil.which("mkfs.erofs") is None:
        raise VitrineError("mkfs.erofs is missing: apt-get install erofs-utils")
    if len(layers) == 1:
        return _write_disk(layers[0], target)
    pid = os.fork()
    if pid == 0:
        try:
            _merge_and_write(layers, target)
            os._exit(0)
        except BaseException as error:  # noqa: BLE001 - a fork must end here whatever happens
            print(f"{target}: {error}", file=sys.stderr)
            os._exit(1)
    if os.waitpid(pid, 0)[1]:
        raise VitrineError(f"{target} could not be made; the reason is above")


def _merge_and_write(layers: Sequence[Path], target: Path) -> None:
    syscalls.unshare(c.CLONE_NEWNS)
    syscalls.mount(None, "/", None, c.MS_REC | c.MS_PRIVATE)
    with tempfile.TemporaryDirectory(prefix=".merged-", dir=target.parent) as merged:
        lower = ":".join(str(layer) for layer in reversed(layers))
        syscalls.mount("merged", merged, "overlay", c.MS_RDONLY, f"lowerdir={lower}")
        try:
            _write_disk(Path(merged), target)
        finally:
            syscalls.umount(merged)


def _write_disk(tree: Path, target: Path) -> None:
    done = subprocess.run(["mkfs.erofs", "--quiet", target, tree], capture_output=True, text=True)
    if done.returncode:
        raise VitrineError(f"mkfs.erofs: {done.stderr.strip()[-500:]}")


def main(names: list[str]) -> int:
    """Make the rooms of these images, as script/bootstrap does."""
    paths = Paths.from_environment()
    store = Store(paths.images)
    for name in names:
        print(make(paths, store.lookup(name).layers).layer)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
