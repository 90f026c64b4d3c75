"""Whoever unpacks an archive is nobody on this machine, sees nothing of it, and is soon ended."""

import os
import socket
from pathlib import Path

import pytest

from runtime.errors import VitrineError
from runtime.image import jail
from runtime.linux import syscalls
from tests import needs

pytestmark = needs.root


def inside(root, act, seconds=10, largest=1 << 20):
    """What `act` returned in a jail on `root`."""
    root.mkdir(exist_ok=True)
    archive = os.open("/dev/null", os.O_RDONLY)
    try:
        return jail.start("it", root, archive, act, largest, 5).result(seconds)
    finally:
        os.close(archive)


def refused(act):
    """The name of the error that an act ends with, as bytes."""
    try:
        act()
    except OSError as error:
        return type(error).__name__.encode()
    return b"done"


def test_its_root_is_the_directory(tmp_path):
    """The jail's / is the directory that is filled: nothing above it can be named."""
    (tmp_path / "secret").write_text("s")
    (tmp_path / "root").mkdir()
    (tmp_path / "root/here").touch()

    seen = inside(tmp_path / "root", lambda fd: " ".join([*os.listdir("/"), *os.listdir("/../..")]).encode())

    assert b"here here" == seen


def test_it_is_nobody_outside(tmp_path):
    """Files it makes have the image's ids; but its process has the host ids of no user."""
    act = lambda fd: Path("/f").write_text("x") and f"{os.getuid()} {os.stat('/f').st_uid}".encode()  # noqa: E731

    assert b"0 0" == inside(tmp_path / "root", act)
    assert 0 == (tmp_path / "root/f").stat().st_uid


def test_it_has_no_network(tmp_path):
    """A network of its own holds no address, so there is no way to connect."""
    assert b"OSError" == inside(tmp_path / "root", lambda fd: refused(lambda: socket.create_connection(("127.0.0.1", 80))))


@pytest.mark.parametrize(
    "act",
    [
        lambda: os.fork(),
        lambda: os.mknod("/disk", 0o60644, os.makedev(254, 0)),
        lambda: os.chroot("/"),
        lambda: syscalls.mount("proc", "/", "proc"),
        lambda: os.setxattr("/", "trusted.overlay.opaque", b"y"),
        lambda: os.chown("/", 70000, 0),
    ],
    ids=["fork", "device", "chroot", "mount", "trusted attribute", "foreign owner"],
)
def test_what_it_may_not_do(tmp_path, act):
    """No second process, no device, no other root, no mount, no mark of overlayfs, no owner outside its range."""
    assert inside(tmp_path / "root", lambda fd: refused(act)) in (b"PermissionError", b"BlockingIOError", b"OSError")


def test_it_holds_no_descriptor_of_ours(tmp_path):
    """Of the opener's descriptors it has the archive and its pipe."""
    secret = os.open(tmp_path, os.O_RDONLY)
    try:
        assert b"OSError" == inside(tmp_path / "root", lambda fd: refused(lambda: os.fstat(secret)))
    finally:
        os.close(secret)


def test_a_file_may_not_grow_beyond_its_limit(tmp_path):
    """RLIMIT_FSIZE bounds each file."""
    with pytest.raises(VitrineError, match="File too large"):
        inside(tmp_path / "root", lambda fd: Path("/f").write_bytes(bytes(1 << 21)))


def test_memory_is_bounded(tmp_path):
    """An archive that makes its reader ask for gigabytes is refused, in words."""
    with pytest.raises(VitrineError, match="more memory"):
        inside(tmp_path / "root", lambda fd: bytes(2 << 30))


def children():
    """The processes whose parent this one is, ended and not reaped ones included."""
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


def test_time_is_bounded(tmp_path):
    """A jail that does not come to an end is ended; its process is gone afterwards."""
    before = children()

    with pytest.raises(VitrineError, match="too long"):
        inside(tmp_path / "root", lambda fd: os.read(os.eventfd(0), 8), seconds=0.2)

    assert children() <= before
