"""Does this host have what containers need? Each answer comes from trying, not from a version.

A check runs in a child, so that whatever it makes ends with the child. A finding that is not ok
says what it costs to do without; only `required` ones stop a container from being made.
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import select
import shutil
import signal
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runtime.container import kvm, ranges, rootfs
from runtime.linux import cgroups, seccomp, syscalls
from runtime.linux import constants as c

OLDEST_KERNEL = (5, 19)
PATIENCE = 5.0


@dataclass(frozen=True)
class Finding:
    """One answer. `cost` says what is lost when it is not ok."""

    name: str
    ok: bool
    detail: str
    cost: str = ""
    required: bool = True


def examine() -> list[Finding]:
    """Every check, in the order in which a birth would miss the thing."""
    return [
        kernel(),
        root(),
        namespaces(),
        namespace_limit(),
        *controllers(),
        layers(),
        stores(),
        filters(),
        virtual_machines(),
    ]


def kernel() -> Finding:
    """overlayfs on idmapped layers came with 5.19."""
    release = platform.release()
    numbers = tuple(int(part) for part in release.split("-")[0].split(".")[:2])
    return Finding("kernel", numbers >= OLDEST_KERNEL, f"Linux {release}", "layers cannot be shared before 5.19")


def root() -> Finding:
    uid = os.geteuid()
    return Finding("root", uid == 0, f"running as uid {uid}", "only root can map ids and make control groups")


def namespaces() -> Finding:
    """All of them at once, as a birth does."""
    flags = sum(c.NAMESPACE_FLAGS.values())
    error = _try(lambda: syscalls.unshare(flags))
    names = ", ".join(c.NAMESPACE_FLAGS)
    return Finding("namespaces", error is None, error or names, "no isolation without them")


def namespace_limit() -> Finding:
    """Some hosts set this to 0 to forbid user namespaces."""
    try:
        number = int(Path("/proc/sys/user/max_user_namespaces").read_text())
    except OSError as problem:
        return Finding("user-namespaces", False, str(problem), "this kernel has no user namespaces")
    return Finding("user-namespaces", number > 0, f"at most {number}", "raise user.max_user_namespaces")


def controllers() -> list[Finding]:
    """Which version is mounted, and where each controller is."""
    trees = cgroups.hierarchies()
    unified = any(tree.unified for tree in trees)
    old = any(not tree.unified for tree in trees)
    kind = "hybrid: versions 1 and 2" if unified and old else "version 2" if unified else "version 1" if old else "none"
    found = [Finding("cgroups", bool(trees), kind, "no limits, no killing as a group")]
    group = cgroups.Cgroup("doctor", trees)
    for name, cost in (
        ("memory", "a guest may use all memory"),
        ("cpu", "a guest may use all processors"),
        ("pids", "a guest may make processes without end"),
    ):
        path = group.controller(name)
        found.append(Finding(f"cgroup-{name}", path is not None, str(path.parent.parent) if path else "not mounted", cost))
    return found


def layers() -> Finding:
    """An overlay on a layer with mapped ids: the very thing a root filesystem is."""
    place = Path(tempfile.mkdtemp(prefix="vitrine-doctor-"))
    try:
        error = _try(lambda: _overlay(place))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return Finding("overlay", error is None, error or "overlayfs on an idmapped layer", "no root filesystem")


def _overlay(place: Path) -> None:
    """Runs in a child with mounts of its own, which end with it."""
    syscalls.unshare(c.CLONE_NEWNS)
    syscalls.mount(None, "/", None, c.MS_REC | c.MS_PRIVATE)
    layer = place / "layer"
    layer.mkdir()
    rootfs.mount_disk(place / "disk", 1 << 20, ranges.first_uid())
    namespace = _mapped_namespace(ranges.first_uid())
    points = rootfs.mount_layers([layer], place / "layers", namespace)
    os.close(rootfs.make_overlay(points, place / "disk"))
    if (place / "layers" / "0").stat().st_uid != ranges.first_uid():
        raise OSError(errno.ENOTSUP, "the ids of the layer were not mapped")


def stores() -> Finding:
    """A sandbox's disk must hold the marks that overlayfs inside a user namespace makes; tmpfs can since 6.6."""
    place = Path(tempfile.mkdtemp(prefix="vitrine-doctor-"))
    try:
        error = _try(lambda: _mark_on_disk(place))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return Finding(
        "nested-stores",
        error is None,
        error or "user. attributes on tmpfs",
        "podman inside copies images instead of stacking layers",
    )


def _mark_on_disk(place: Path) -> None:
    syscalls.unshare(c.CLONE_NEWNS)
    syscalls.mount(None, "/", None, c.MS_REC | c.MS_PRIVATE)
    rootfs.mount_disk(place, 1 << 20, ranges.first_uid())
    os.setxattr(place / "upper", "user.overlay.opaque", b"y")


def _mapped_namespace(uid: int) -> int:
    """A user namespace with our map, kept by an fd alone."""
    ready, wait = os.pipe()
    pid, pidfd = syscalls.clone3(c.CLONE_NEWUSER)
    if pid == 0:
        os.close(wait)
        os.read(ready, 1)
        os._exit(0)
    for name in ("uid_map", "gid_map"):
        Path(f"/proc/{pid}/{name}").write_text(f"0 {uid} {ranges.SIZE}\n")
    fd = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    for end in (ready, wait, pidfd):
        os.close(end)
    os.waitpid(pid, 0)
    return fd


def filters() -> Finding:
    """Load the filter and see it refuse: keyctl(2) must look absent."""
    error = _try(_filtered)
    return Finding("seccomp", error is None, error or "filters work", "no containers are made without the filter")


def _filtered() -> None:
    syscalls.prctl(c.PR_SET_NO_NEW_PRIVS, 1)
    syscalls.seccomp(seccomp.program(True))
    try:
        syscalls.join_new_keyring()
    except OSError as problem:
        if problem.errno == errno.ENOSYS:
            return
        raise
    raise OSError(errno.EINVAL, "the filter let keyctl pass")


def virtual_machines() -> Finding:
    """/dev/kvm proves nothing: run a loop of guest code and look at the clock."""
    verdict = kvm.probe()
    ok = verdict.word == kvm.WORKS
    return Finding("kvm", ok, verdict.detail, "virtual machines would be emulated, twenty times slower", required=False)


def _try(action: Callable[[], None]) -> str | None:
    """Do it in a child; the error as text, or None."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(read_end)
            action()
        except BaseException as error:  # noqa: BLE001 - the child must end here
            os.write(write_end, str(error).encode()[:2000] or b"failed")
        os._exit(0)
    os.close(write_end)
    with contextlib.closing(os.fdopen(read_end, "rb")) as pipe:
        if not select.select([pipe], [], [], PATIENCE)[0]:
            os.kill(pid, signal.SIGKILL)
        text = pipe.read()
    status = os.waitpid(pid, 0)[1]
    return text.decode() or (None if status == 0 else f"the check ended with status {status}")
