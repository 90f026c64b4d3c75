"""An archive can do nothing outside the directory it is unpacked into."""

import io
import os
import tarfile

import pytest

from runtime.image import jail

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="chroot(2) needs root")


def unpack(root, *members, wanted=lambda name: True):
    """Make a tar of (TarInfo fields, content) and unpack it in a jail; returns the exit status."""
    root.mkdir(exist_ok=True)
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for fields, content in members:
            info = tarfile.TarInfo()
            info.mode = 0o644
            for name, value in fields.items():
                setattr(info, name, value)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    reader, writer = os.pipe()
    with open(reader, "rb") as archive:
        pid = jail.start(root, archive, wanted)
    with open(writer, "wb") as pipe:
        pipe.write(data.getvalue())
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_dots_do_not_lead_out(tmp_path):
    """../ in a name stops at the jail's root."""
    unpack(tmp_path / "root", ({"name": "../../out"}, b"x"))

    assert ["root"] == os.listdir(tmp_path)


def test_a_link_does_not_lead_out(tmp_path):
    """A symbolic link to / is the jail's own /, so a file through it stays inside."""
    outside = tmp_path / "outside"
    outside.mkdir()

    unpack(
        tmp_path / "root",
        ({"name": "door", "type": tarfile.SYMTYPE, "linkname": str(outside)}, b""),
        ({"name": "door/file"}, b"x"),
    )

    assert [] == os.listdir(outside)


def test_a_hard_link_to_the_host_is_refused(tmp_path):
    """A hard link can name only what is in the jail: the unpacking fails, and the host keeps one link."""
    secret = tmp_path / "secret"
    secret.write_text("s")

    status = unpack(tmp_path / "root", ({"name": "copy", "type": tarfile.LNKTYPE, "linkname": str(secret)}, b""))

    assert status != 0
    assert 1 == secret.stat().st_nlink


def test_no_device_is_made(tmp_path):
    """A device node in an archive is left out: the file system of a sandbox is on the host's disk."""
    device = {"name": "disk", "type": tarfile.BLKTYPE, "devmajor": 8, "devminor": 0}

    assert 0 == unpack(tmp_path / "root", (device, b""))
    assert [] == os.listdir(tmp_path / "root")


def test_owners_and_modes_are_kept(tmp_path):
    """setuid programs and owners are as the package says."""
    unpack(tmp_path / "root", ({"name": "sudo", "mode": 0o4755, "uid": 7, "gid": 8}, b"x"))

    info = (tmp_path / "root/sudo").stat()
    assert (0o4755, 7, 8) == (info.st_mode & 0o7777, info.st_uid, info.st_gid)


def test_old_names_go_to_usr(tmp_path):
    """A package that still ships /bin/x ends in /usr/bin/x, behind the link."""
    unpack(tmp_path / "root", ({"name": "./bin/x"}, b"x"))

    assert (tmp_path / "root/usr/bin/x").exists()


def test_unwanted_names_are_left_out(tmp_path):
    """The recipe's exclusions hold for names as they end up."""
    unpack(tmp_path / "root", ({"name": "lib/a"}, b""), ({"name": "b"}, b""), wanted=lambda name: name != "usr/lib/a")

    assert ["b"] == os.listdir(tmp_path / "root")
