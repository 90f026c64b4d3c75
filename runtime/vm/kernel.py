"""The guest's kernel: the distribution's own, unpacked beside the images and never installed.

A container borrows the host's kernel; a virtual machine brings one. Debian builds a small kernel
for clouds, with the virtio drivers that QEMU's devices need. Its package is downloaded and verified
like those of the images, but no boot loader of the host ever hears of it. QEMU starts an
uncompressed kernel by its PVH entry point without any firmware's help, which under emulation saves
the second that unpacking would cost.

See Documentation/arch/x86/boot.rst and pvh.rst of the kernel, depmod(8), modules.dep(5).
"""

from __future__ import annotations

import platform
import shutil
import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runtime.errors import NotFoundError, VitrineError
from runtime.image import debian
from runtime.image.sources import distribution, sources

PACKAGES = {
    ("debian", "x86_64"): "linux-image-cloud-amd64",
    ("debian", "aarch64"): "linux-image-cloud-arm64",
    ("ubuntu", "x86_64"): "linux-image-virtual",
    ("ubuntu", "aarch64"): "linux-image-virtual",
}
SETUP_MAGIC, SETUP_MAGIC_AT = b"HdrS", 0x202
SETUP_SECTORS_AT, PAYLOAD_AT, SECTOR = 0x1F1, 0x248, 512
UNPACKERS = {
    b"\x02\x21\x4c\x18": ["lz4", "-dc"],
    b"\x28\xb5\x2f\xfd": ["zstd", "-dc"],
    b"\x1f\x8b": ["gzip", "-dc"],
    b"\xfd7zXZ": ["xz", "-dc"],
}
Say = Callable[[str], None]


@dataclass(frozen=True)
class Kernel:
    """One kernel in a directory of its own: `release` as uname(1) will say, its image, its modules."""

    release: str
    directory: Path

    @property
    def image(self) -> Path:
        return self.directory / "vmlinux"

    @property
    def modules(self) -> Path:
        return self.directory / "lib/modules" / self.release


def find(directory: Path) -> Kernel:
    """The kernel under `directory`; NotFoundError says how to get one."""
    image = next(iter(sorted(directory.glob("*/vmlinux"))), None)
    if image is None:
        raise NotFoundError(f"no guest kernel in {directory}: run `python -m runtime.vm.kernel`, as script/bootstrap does")
    return Kernel(image.parent.name, image.parent)


def fetch(directory: Path, say: Say) -> Kernel:
    """Download, verify and unpack the distribution's kernel for clouds; what is there already is kept."""
    host = distribution()
    package = PACKAGES.get((host.id, platform.machine()))
    if package is None:
        raise VitrineError(f"no guest kernel is known for {host.id} on {platform.machine()}")
    directory.mkdir(parents=True, exist_ok=True)
    scratch = directory / ".fetching"
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        apt = debian.Apt(scratch / "apt", sources(host))
        apt.run("update")
        names = [
            name for name in apt.resolve([package], []) if name.startswith(("linux-image-", "linux-modules-")) and name != package
        ]
        for name in names:
            there = Kernel(release := name.removeprefix("linux-image-"), directory / release)
            if there.image.exists():
                return there
        say(f"downloading {' '.join(names)}")
        return _unpack(apt.download(names), scratch / "tree", directory, say)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _unpack(packages: list[Path], tree: Path, directory: Path, say: Say) -> Kernel:
    tree.mkdir()
    debian.unpack(packages, tree, ["usr/share/*"])
    compressed = next(iter(sorted((tree / "boot").glob("vmlinuz-*"))), None)
    if compressed is None:
        raise VitrineError(f"{', '.join(package.name for package in packages)}: no boot/vmlinuz inside")
    kernel = Kernel(compressed.name.removeprefix("vmlinuz-"), directory / compressed.name.removeprefix("vmlinuz-"))
    say(f"unpacking kernel {kernel.release}")
    shutil.rmtree(kernel.directory, ignore_errors=True)
    kernel.modules.parent.mkdir(parents=True)
    (tree / "usr/lib/modules" / kernel.release).rename(kernel.modules)
    subprocess.run(["depmod", "-b", kernel.directory, kernel.release], check=True)
    kernel.image.with_suffix(".new").write_bytes(uncompressed(compressed.read_bytes()))
    kernel.image.with_suffix(".new").rename(kernel.image)
    return kernel


def uncompressed(image: bytes) -> bytes:
    """The ELF file inside a bzImage, found by its setup header; other images are returned as they are."""
    if image[SETUP_MAGIC_AT : SETUP_MAGIC_AT + 4] != SETUP_MAGIC:
        return image
    start = ((image[SETUP_SECTORS_AT] or 4) + 1) * SECTOR
    offset, length = struct.unpack_from("<II", image, PAYLOAD_AT)
    payload = image[start + offset : start + offset + length]
    size = struct.unpack_from("<I", payload, len(payload) - 4)[0]
    program = next((command for magic, command in UNPACKERS.items() if payload.startswith(magic)), None)
    if program is None:
        raise VitrineError(f"the kernel is compressed in a way nobody here knows: {payload[:6].hex()}")
    # The last four bytes are the size, not part of the stream: the unpacker complains about them at its end.
    unpacked = subprocess.run(program, input=payload, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout[:size]
    if unpacked[:4] != b"\x7fELF" or len(unpacked) != size:
        raise VitrineError(f"{program[0]} could not unpack the kernel: {len(unpacked)} of {size} bytes")
    return unpacked


if __name__ == "__main__":
    from runtime.paths import Paths

    print(fetch(Paths.from_environment().state / "kernels", print).release)
