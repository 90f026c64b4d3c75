"""skopeo and podman read what we write and we read what they write, bit for bit by digest."""

import json
import os
import shutil
import stat
import subprocess

import pytest

from runtime.image.layer import write_layer
from runtime.image.load import load
from runtime.image.save import save
from runtime.image.store import Store
from runtime.image.verify import verify
from runtime.oci.image_config import History
from tests import needs
from tests.runtime.image.conftest import CONFIG, STEP

pytestmark = [needs.root, needs.program("skopeo"), needs.program("podman")]
CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")  # cap_net_raw=ep
HOLE = 1 << 20


def run(*command):
    """What a tool prints; its complaint is the failure."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """A store with an image of two layers that has one of everything."""
    store = Store(tmp_path_factory.mktemp("odd") / "images")
    with store.scratch() as scratch:
        low = scratch / "low"
        fill_low(low)
        base = store.add_directory("base", low, CONFIG, STEP)
        high = scratch / "high"
        fill_high(high)
        layer = store.layer_from_directory(high)
        config = base.parsed.with_layer(layer.diff_id, History("2026-01-02T00:00:00Z", "the second step"))
        store.commit("registry.lab:5000/odd:v1", config, [*base.blobs, layer.descriptor])
    return store


def fill_low(tree):
    for name in ("gone", "open", "link/deep", "kept"):
        (tree / name).mkdir(parents=True)
        (tree / name / "low").write_text("low")
    (tree / "gone.txt").write_text("gone")
    (tree / "a").write_text("one file, two names")
    os.link(tree / "a", tree / "b")
    (tree / "setuid").write_text("#!/bin/sh")
    os.chown(tree / "setuid", 7, 8)
    (tree / "setuid").chmod(0o4755)
    (tree / "ping").write_text("ping")
    os.setxattr(tree / "ping", "security.capability", CAPABILITY)
    os.setxattr(tree / "ping", "user.note", b"\x00\xffbytes")
    os.mkfifo(tree / "fifo", 0o600)
    (tree / "symlink").symlink_to("/nowhere")
    (tree / ("long" * 50)).write_text("a name of 200 bytes")
    (tree / "grüße").write_text("a name that is not ASCII")
    (tree / "tmp").mkdir()
    (tree / "tmp").chmod(0o1777)
    with (tree / "sparse").open("wb") as file:
        file.seek(HOLE)
        file.write(b"end")


def fill_high(tree):
    """The upper directory of an overlay: whiteouts, an opaque directory."""
    (tree / "kept").mkdir(parents=True)
    for name in ("gone", "gone.txt", "kept/low"):
        os.mknod(tree / name, stat.S_IFCHR | 0o600, 0)
    (tree / "open").mkdir()
    os.setxattr(tree / "open", "trusted.overlay.opaque", b"y")
    (tree / "open/high").write_text("high")


def facts(image):
    """What must survive: digests, and the trees as they lie on disk."""
    return (image.descriptor.digest, image.manifest.config.digest, image.parsed.diff_ids, trees(image))


def trees(image):
    return [write_layer(layer, None).diff_id for layer in image.layers]


@pytest.fixture
def podman(tmp_path):
    """podman with a storage of its own that is gone afterwards; its locks and sockets go with a mount namespace."""
    private = 'mount -t tmpfs tmpfs /dev/shm && mount -t tmpfs tmpfs /run && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", private, "sh", "podman", "--root", tmp_path / "root", "--runroot", "/run/p"]
    yield lambda *words: run(*command, "--storage-driver", "vfs", *words)
    shutil.rmtree(tmp_path / "root", ignore_errors=True)


def test_skopeo_reads_our_directory(odd, tmp_path):
    """The store itself is a layout: skopeo inspects it in place and copies it with the same digests."""
    image = odd.lookup("registry.lab:5000/odd:v1")
    place = f"oci:{odd.directory}:registry.lab:5000/odd:v1"

    seen = json.loads(run("skopeo", "inspect", place))
    run("skopeo", "copy", place, f"dir:{tmp_path}/copy")

    assert image.descriptor.digest == seen["Digest"]
    assert [blob.digest for blob in image.blobs] == seen["Layers"]
    assert odd.blobs.path(image.descriptor).read_bytes() == (tmp_path / "copy/manifest.json").read_bytes()


@pytest.mark.parametrize("form", ["oci-archive", "oci-layout", "docker-archive"])
def test_what_we_export_we_import(odd, tmp_path, form):
    """Whiteouts, opaque directories, hard links, setuid, attributes and holes survive each form."""
    image = odd.lookup("registry.lab:5000/odd:v1")
    other = Store(tmp_path / "images")

    save(odd, image, str(tmp_path / "out"), form)
    (found,) = load(other, str(tmp_path / "out"))

    assert image.name == found.name
    assert facts(image)[1:] == facts(found)[1:]
    assert form == "docker-archive" or image.descriptor.digest == found.descriptor.digest
    assert [] == list(verify(other, found))


@pytest.mark.parametrize("form", ["oci-archive", "docker-archive"])
def test_podman_loads_ours_and_we_load_its(odd, tmp_path, podman, form):
    """podman load, podman save, and back: the same configuration, diffIDs and trees."""
    image = odd.lookup("registry.lab:5000/odd:v1")
    other = Store(tmp_path / "images")

    save(odd, image, str(tmp_path / "ours.tar"), form)
    podman("load", "-i", tmp_path / "ours.tar")
    (seen,) = json.loads(podman("image", "inspect", image.name))
    podman("save", "--format", form, "-o", tmp_path / "theirs.tar", image.name)
    (found,) = load(other, str(tmp_path / "theirs.tar"))

    assert image.manifest.config.digest.partition(":")[2] == seen["Id"]
    assert list(image.parsed.diff_ids) == seen["RootFS"]["Layers"]
    assert facts(image)[1:] == facts(found)[1:]


def test_podman_sees_what_a_sandbox_sees(odd, tmp_path, podman):
    """Mounted by podman, the image has the hard link, the mode, the attributes and the whiteouts."""
    save(odd, odd.lookup("registry.lab:5000/odd:v1"), str(tmp_path / "ours.tar"))
    podman("load", "-i", tmp_path / "ours.tar")
    root = podman("image", "mount", "registry.lab:5000/odd:v1").strip()

    seen = lambda name: os.lstat(os.path.join(root, name))  # noqa: E731

    assert seen("a").st_ino == seen("b").st_ino
    assert (0o4755, 7, 8) == (seen("setuid").st_mode & 0o7777, seen("setuid").st_uid, seen("setuid").st_gid)
    assert (CAPABILITY, b"\x00\xffbytes") == tuple(os.getxattr(f"{root}/ping", n) for n in ("security.capability", "user.note"))
    assert ["high"] == os.listdir(f"{root}/open") and [] == os.listdir(f"{root}/kept")
    assert not os.path.lexists(f"{root}/gone") and not os.path.lexists(f"{root}/gone.txt")


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_packed_layers_are_unpacked(odd, tmp_path, packing):
    """skopeo packs the layers: other blobs, the same diffIDs and trees."""
    image = odd.lookup("registry.lab:5000/odd:v1")
    other = Store(tmp_path / "images")

    place = f"oci:{odd.directory}:registry.lab:5000/odd:v1"
    run("skopeo", "copy", "--dest-compress-format", packing, "--dest-compress", place, f"oci:{tmp_path}/packed:odd:v1")
    (found,) = load(other, str(tmp_path / "packed"))

    assert all(blob.media_type.endswith(packing) for blob in found.blobs)
    assert image.parsed.diff_ids == found.parsed.diff_ids
    assert trees(image) == trees(found)


def test_holes_stay_holes(odd, tmp_path):
    """A tar has the zeros of a sparse file, the tree has not."""
    save(odd, odd.lookup("base"), str(tmp_path / "out"))
    (found,) = load(Store(tmp_path / "images"), str(tmp_path / "out"))

    info = (found.layers[0] / "sparse").stat()
    assert info.st_size == HOLE + 3 and info.st_blocks * 512 < HOLE / 2
