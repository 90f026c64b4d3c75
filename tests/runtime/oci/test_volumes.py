"""Volumes: an image names places; a bad place is refused before anything is made."""

from __future__ import annotations

import pytest

from runtime.errors import SpecError
from runtime.oci import volumes
from runtime.oci.spec import Spec, sandbox_spec


def test_an_image_asks_for_volumes():
    """OCI's `Volumes` is a mapping of paths to nothing; what lies below another comes after it."""
    config = {"Volumes": {"/var/lib/b/c/": {}, "/var/lib/b": {}}}

    assert ("/var/lib/b", "/var/lib/b/c") == volumes.of_image(config)
    assert () == volumes.of_image({"Volumes": None})


def test_they_are_mounts_of_the_config():
    """config.json has them as mounts, and the image's services as a hook; both come back."""
    spec = sandbox_spec("a", volumes=("/var/lib/x",), services=("/sbin/start", "now"))
    data = spec.to_dict()

    assert [("/var/lib/x", "disk")] == [(one["destination"], one["source"]) for one in data["mounts"]]
    assert "/sbin/start" == data["hooks"]["startContainer"][0]["path"]
    assert spec == Spec.from_dict(data)


@pytest.mark.parametrize(
    "path",
    ["", "var/lib", "/", "/a/../etc", "//a", "/a/", "/proc", "/proc/sys", "/etc", "/dev/shm", "/sys/fs", "/run/x", "/a\0b"],
)
def test_a_bad_place_is_refused(path):
    """Not plain, or the runtime's own."""
    with pytest.raises(SpecError):
        sandbox_spec("a", volumes=(path,))


def test_a_place_like_ours_is_not_ours():
    """/process is not below /proc."""
    sandbox_spec("a", volumes=("/process", "/running"))


def test_twice_or_too_many_are_refused():
    """One place once, sixteen at most."""
    for bad in (("/a", "/a"), tuple(f"/{n}" for n in range(17))):
        with pytest.raises(SpecError):
            sandbox_spec("a", volumes=bad)


def test_a_mount_from_elsewhere_is_refused():
    """config.json has no way to name a path of the host."""
    data = sandbox_spec("a", volumes=("/x",)).to_dict()
    data["mounts"][0]["source"] = "/etc"

    with pytest.raises(SpecError, match="/etc"):
        Spec.from_dict(data)
