"""A throw-away guest that runs one command as root on a pure cgroup v2 host.

The machine that tests run on may have the old hierarchies; users' machines do not. The guest boots
the kernel that the virtual machines of lessons boot, sees this machine's files read-only (what it
writes goes to its own memory) and has one disk with the images, because layers must lie on a file
system that can be id-mapped. It has no network. Its console is our standard output.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from runtime.container import kvm
from runtime.image.load import load
from runtime.image.save import save
from runtime.image.store import Image, Store
from runtime.paths import Paths
from runtime.vm import clock, initrd, kernel

QEMU = "qemu-system-x86_64"
SHARE = Path("/usr/lib/qemu/virtiofsd"), Path("/usr/libexec/virtiofsd")
MODULES = ("virtio_mmio", "virtio_console", "virtio_blk", "fuse", "virtiofs", "overlay", "ext4")
QUIET = "quiet loglevel=1 tsc=reliable cryptomgr.notests mitigations=off no_timer_check panic=-1"
KEPT = ("PATH", "LANG", "PYTEST_ADDOPTS", "VITRINE_CYCLES")
DISK = "/dev/vda"
HERE = Path(__file__).parent


class GuestFailed(Exception):
    """The guest ended without telling how its command ended; the console says why."""


def run(command: list[str], memory: int = 2048, processors: int = 2, seconds: float = 600) -> int:
    """Run the command in a guest, its output on ours; its exit status. GuestFailed after `seconds`."""
    with tempfile.TemporaryDirectory(prefix="vitrine-guest-") as name, contextlib.ExitStack() as stack:
        place = Path(name)
        ours, theirs = socket.socketpair()
        stack.callback(ours.close)
        (place / "initrd").write_bytes(_initrd(command))
        stack.enter_context(_sharing(place / "share.sock"))
        qemu = subprocess.Popen(
            _argv(place, theirs.fileno(), memory, processors), stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()]
        )
        theirs.close()
        stack.callback(_kill, qemu)
        return _status(ours, seconds)


def _initrd(command: list[str]) -> bytes:
    guest = kernel.find(Paths.from_environment().state / "kernels")
    init = (HERE / "init.sh").read_text().replace("@MODULES@", str(guest.modules))
    return initrd.build(guest, init, MODULES, {"command": _script(command).encode()})


def _script(command: list[str]) -> str:
    """What runs once the root is in place: the rest of a host's start, the command, the end."""
    kept = [f"export {name}={shlex.quote(os.environ[name])}" for name in KEPT if name in os.environ]
    state = Paths.from_environment().state
    return "\n".join(
        [
            "umount /mnt",
            "mkdir -p /dev/pts /dev/shm; mount -t devpts -o ptmxmode=666 devpts /dev/pts; mount -t tmpfs tmpfs /dev/shm",
            "mount -t tmpfs -o mode=1777 tmpfs /tmp; mount -t tmpfs -o mode=755 tmpfs /run; mkdir -p /run/lock",
            "mount -t cgroup2 cgroup2 /sys/fs/cgroup",
            "for one in $(cat /sys/fs/cgroup/cgroup.controllers); do echo +$one >/sys/fs/cgroup/cgroup.subtree_control; done",
            f"mkdir -p {state}; mount {DISK} {state}",
            "ip link set lo up; hostname guest",
            *kept,
            "export HOME=/root CI=1",
            f"cd {shlex.quote(os.getcwd())}",
            f"{shlex.join(command)} </dev/null >/dev/hvc0 2>&1",
            "status=$?",
            'port=$(grep -l status /sys/class/virtio-ports/*/name); port=${port%/name}; echo "$status" >"/dev/${port##*/}"',
            "sleep 60",
        ]
    )


def _disk() -> Path:
    """An ext4 file system with the linux image: overlay and virtiofs cannot be id-mapped, ext4 can.

    Kept beside the images, under the image's digest; a guest writes to a copy that nobody sees.
    """
    state = Paths.from_environment().state
    store = Store(state / "images")
    image = store.lookup("linux")
    path = state / f"guest-{image.descriptor.digest.removeprefix('sha256:')[:16]}.ext4"
    if not path.exists():
        for old in state.glob("guest-*.ext4"):
            old.unlink()
        _write_disk(store, image, path)
    return path


def _write_disk(store: Store, image: Image, path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="vitrine-guest-disk-") as name:
        tree = Path(name)
        save(store, image, tree / "layout", "oci-layout")
        load(Store(tree / "state/images"), tree / "layout", "linux")
        draft = path.with_suffix(".new")
        with draft.open("wb") as disk:
            disk.truncate(1 << 30)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-d", tree / "state", draft], check=True)
        draft.rename(path)


@contextlib.contextmanager
def _sharing(path: Path) -> Iterator[None]:
    """virtiofsd, which shows the guest our root; it locks itself in a chroot of it."""
    program = next((candidate for candidate in SHARE if candidate.exists()), None)
    if program is None:
        raise FileNotFoundError("virtiofsd is missing: apt-get install qemu-system-common or virtiofsd")
    command = [program, f"--socket-path={path}", "-o", "source=/", "-o", "sandbox=chroot", "-o", "cache=always", "-o", "xattr"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(path, server)
        yield
    finally:
        _kill(server)


def _wait_for(path: Path, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 10
    while not path.exists():
        if server.poll() is not None or time.monotonic() > until:
            raise GuestFailed("virtiofsd did not start")
        time.sleep(0.01)


def _argv(place: Path, port: int, memory: int, processors: int) -> list[str]:
    guest = kernel.find(Paths.from_environment().state / "kernels")
    accelerator = ["kvm", "host"] if kvm.probe().word == kvm.WORKS else ["tcg,thread=multi", "max"]
    # fmt: off
    return [
        QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
        "-M", "microvm,memory-backend=ram", "-accel", accelerator[0], "-cpu", accelerator[1],
        "-object", f"memory-backend-memfd,id=ram,size={memory}M,share=on", "-m", str(memory), "-smp", str(processors),
        "-global", "virtio-mmio.force-legacy=false",
        "-kernel", str(guest.image), "-initrd", str(place / "initrd"),
        "-append", f"{QUIET} tsc_early_khz={clock.counter_khz()}",
        "-device", "virtio-serial-device", "-chardev", "stdio,id=con,signal=off", "-device", "virtconsole,chardev=con",
        "-chardev", f"socket,id=status,fd={port}", "-device", "virtserialport,chardev=status,name=status",
        "-drive", f"if=none,id=disk,format=raw,file={_disk()},snapshot=on", "-device", "virtio-blk-device,drive=disk",
        "-object", "rng-builtin,id=rng", "-device", "virtio-rng-device,rng=rng",
        "-chardev", f"socket,id=share,path={place / 'share.sock'}", "-device", "vhost-user-fs-device,chardev=share,tag=root",
    ]
    # fmt: on


def _status(port: socket.socket, seconds: float) -> int:
    port.settimeout(seconds)
    try:
        said = port.makefile("rb").readline().strip()
    except TimeoutError:
        raise GuestFailed(f"the guest was not done after {seconds:g} s") from None
    if not said.isdigit():
        raise GuestFailed("the guest ended before its command did")
    return int(said)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Nothing of the guest is kept, so it need not be asked."""
    process.kill()
    process.wait()
