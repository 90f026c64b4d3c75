"""A tree becomes the same tar every time, with the image's ids and marks."""

import io
import os
import stat
import struct
import tarfile

import pytest

from runtime.errors import VitrineError
from runtime.image.layer import Ids, write_layer
from tests import needs

pytestmark = needs.root


def members(tree, ids=None, newest=None):
    """The tar of a tree, as tarfile reads it."""
    out = io.BytesIO()
    write_layer(tree, out, ids, newest)
    out.seek(0)
    return {member.name: member for member in tarfile.open(fileobj=out)}


def test_the_order_of_creation_does_not_count(tmp_path):
    """Two trees with the same content have the same diffID, whatever the file system's order."""
    for place, names in (("a", "xyz"), ("b", "zyx")):
        (tmp_path / place).mkdir()
        for name in names:
            (tmp_path / place / name).write_text(name)
            os.utime(tmp_path / place / name, (5, 5))

    assert write_layer(tmp_path / "a", None) == write_layer(tmp_path / "b", None)


def test_owners_are_the_images(tmp_path):
    """What belongs to a sandbox's range on disk has plain ids in the layer; anyone else's is refused."""
    (tmp_path / "file").write_text("x")
    os.chown(tmp_path / "file", 1_400_001_000, 1_400_000_000)

    member = members(tmp_path, Ids(1_400_000_000))["file"]

    assert (1000, 0) == (member.uid, member.gid)
    with pytest.raises(VitrineError, match="'file' belongs to id 1400001000"):
        members(tmp_path)


def test_marks_of_overlayfs_become_whiteouts(tmp_path):
    """A deleted file is .wh.NAME, an opaque directory holds .wh..wh..opq."""
    os.mknod(tmp_path / "gone", stat.S_IFCHR, 0)
    (tmp_path / "d").mkdir()
    os.setxattr(tmp_path / "d", "trusted.overlay.opaque", b"y")

    assert ["d", "d/.wh..wh..opq", ".wh.gone"] == list(members(tmp_path))


def test_a_sandboxes_capability_loses_its_host_id(tmp_path):
    """setcap inside a sandbox writes revision 3 with the host's id; an image has revision 2."""
    (tmp_path / "ping").write_text("x")
    value = struct.pack("<6I", 0x03000001, 1 << 13, 0, 0, 0, 1_400_000_000)
    os.setxattr(tmp_path / "ping", "security.capability", value)

    found = members(tmp_path)["ping"].pax_headers["SCHILY.xattr.security.capability"]

    assert struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0) == found.encode("utf-8", "surrogateescape")


def test_times_may_be_bounded(tmp_path):
    """No time is later than `newest`."""
    (tmp_path / "file").write_text("x")

    assert 7 == members(tmp_path, newest=7)["file"].mtime


def test_a_name_that_looks_like_a_whiteout_is_refused(tmp_path):
    """.wh.x in a tree would delete x when unpacked."""
    (tmp_path / ".wh.x").write_text("x")

    with pytest.raises(VitrineError, match="image format's own"):
        members(tmp_path)
