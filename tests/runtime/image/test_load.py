"""Archives of docker's first form, links between layers, the standard input, and names."""

import gzip
import json
import os
import subprocess
import sys

import pytest

from runtime.errors import VitrineError
from runtime.image.load import load
from runtime.image.store import MACHINE
from runtime.image.streams import Stream
from tests import needs
from tests.runtime.image.archives import tar_of
from tests.runtime.image.hostile import GOOD, SYM, archive, layout, saved

pytestmark = needs.root


def imported(store, tmp_path, data, name=None):
    (tmp_path / "in.tar").write_bytes(data)
    return load(store, str(tmp_path / "in.tar"), name)


def test_the_first_form_of_docker_is_read(store, tmp_path):
    """`repositories` and a chain of parents become two layers, lowest first."""
    above = tar_of(({"name": "above"}, b"y"))
    top = {"parent": "low", "architecture": MACHINE, "os": "linux", "config": {"Cmd": ["x"]}}
    files = {"repositories": b'{"old": {"v1": "top"}}', "top/json": json.dumps(top).encode(), "top/layer.tar": above}
    files |= {"low/json": b"{}", "low/layer.tar": GOOD}

    (image,) = imported(store, tmp_path, archive(files))

    assert ("old:v1", ["x"]) == (image.name, image.config["config"]["Cmd"])
    assert [["file"], ["above"]] == [os.listdir(tree) for tree in image.layers]


def test_layers_that_are_alike_may_be_links(store, tmp_path):
    """docker saves the second copy of a layer as a symbolic link to the first: it is followed within the archive."""
    data = saved(
        ({"name": "a/layer.tar"}, GOOD),
        ({"name": "b/layer.tar", "type": SYM, "linkname": "../a/layer.tar"}, b""),
        layers=("a/layer.tar", "b/layer.tar"),
    )

    (image,) = imported(store, tmp_path, data)

    assert image.blobs[0] == image.blobs[1]
    assert 2 == len({tree.name for tree in image.layers})


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_the_standard_input_is_an_archive(tmp_path, pack):
    """`image import -` reads a pipe, packed or not."""
    command = [sys.executable, "-m", "runtime", "image", "import", "-", "--name", "piped", "--json"]
    environment = {**os.environ, "VITRINE_STATE": str(tmp_path)}

    done = subprocess.run(command, input=pack(archive(layout(GOOD))), env=environment, capture_output=True)

    assert b"" == done.stderr
    assert "piped" == json.loads(done.stdout)[0]["name"]


def test_an_image_without_a_name_asks_for_one(store, tmp_path):
    """Nothing is named by guessing."""
    files = layout(GOOD, change=lambda files, _: files.update({"index.json": files["index.json"].replace(b"ref.name", b"other")}))

    with pytest.raises(VitrineError, match="--name"):
        imported(store, tmp_path, archive(files))

    assert "mine" == imported(store, tmp_path, archive(files), "mine")[0].name


def test_a_stream_of_several_gzip_members_is_one(tmp_path):
    """gzip files may be joined; what follows a member is the next."""
    (tmp_path / "x").write_bytes(gzip.compress(b"one") + gzip.compress(b"two"))
    fd = os.open(tmp_path / "x", os.O_RDONLY)
    try:
        assert b"onetwo" == Stream(fd, "gzip", 100).read(100)
    finally:
        os.close(fd)
