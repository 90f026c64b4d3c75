"""The documents of the image specification: strict where we use them, unchanged where we do not."""

import pytest

from runtime.errors import SpecError
from runtime.oci.digest import Descriptor, chain_ids, digest_of
from runtime.oci.image_config import History, ImageConfig
from runtime.oci.manifest import CONFIG, LAYER, Manifest
from runtime.oci.reference import familiar, normalise, qualified

A, B = digest_of(b"a"), digest_of(b"b")


def test_a_chain_names_a_stack():
    """ChainID(L0) = DiffID(L0), and then the digest of "chain diff"."""
    assert [A, digest_of(f"{A} {B}".encode())] == chain_ids((A, B))


@pytest.mark.parametrize(
    ("name", "whole", "docker"),
    [
        ("linux", "linux:latest", "docker.io/library/linux:latest"),
        ("docker.io/library/linux:v2", "linux:v2", "docker.io/library/linux:v2"),
        ("docker.io/me/app", "me/app:latest", "docker.io/me/app:latest"),
        ("registry.lab:5000/app:v2", "registry.lab:5000/app:v2", "registry.lab:5000/app:v2"),
        ("localhost/app", "localhost/app:latest", "localhost/app:latest"),
    ],
)
def test_names_are_dockers(name, whole, docker):
    """Each way of saying a name leads to one whole name, and to docker's."""
    assert (whole, docker) == (normalise(name), qualified(name))
    assert whole == normalise(familiar(whole)) == normalise(docker)


def test_what_we_do_not_know_is_kept():
    """A configuration read and written again has the fields of others."""
    data = b'{"architecture":"amd64","os":"linux","author":"me","rootfs":{"type":"layers","diff_ids":["%s"]}}' % A.encode()

    config = ImageConfig.from_bytes(data).with_layer(B, History("2026-01-01T00:00:00Z", "step"))

    assert "me" == ImageConfig.from_bytes(config.to_bytes()).to_dict()["author"]
    assert ((A, B), config.to_bytes()) == (config.diff_ids, ImageConfig.from_bytes(config.to_bytes()).to_bytes())


def test_a_change_of_configuration_is_an_empty_layer():
    """ENV and CMD change no file: the step says so."""
    config = ImageConfig("amd64").with_config({"Cmd": ["x"]}, History(created_by="CMD x"))

    assert (True, ()) == (config.history[0].empty_layer, config.diff_ids)


def test_a_manifest_is_always_the_same_bytes():
    """Digests are of bytes: writing what was read gives the same digest."""
    manifest = Manifest(Descriptor(CONFIG, A, 1), (Descriptor(LAYER, B, 2),), {"b": "2", "a": "1"})

    assert manifest.to_bytes() == Manifest.from_bytes(manifest.to_bytes()).to_bytes()


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (b"[]", "manifest: is not an object"),
        (b'{"schemaVersion":1}', "manifest.schemaVersion"),
        (b'{"schemaVersion":2,"config":{"digest":"md5:1","size":1}}', "manifest.config.digest"),
        (b'{"schemaVersion":2,"config":{"digest":"%s","size":-1}}' % A.encode(), "manifest.config.size"),
        (b'{"schemaVersion":2,"mediaType":"text/plain"}', "manifest.mediaType"),
    ],
)
def test_a_wrong_field_is_named(data, field):
    """The error says where in the document."""
    with pytest.raises(SpecError, match=field.replace(".", r"\.")):
        Manifest.from_bytes(data)
