"""The spec: config.json in and out, and what is refused."""

from __future__ import annotations

import json

import pytest

from runtime.errors import SpecError
from runtime.oci.spec import Process, Spec, sandbox_spec


def test_round_trip():
    """What is written as config.json is read back as the same spec."""
    spec = sandbox_spec(
        "box-1", profile="strict", args=["sh"], env={"A": "b=c"}, hostname="otter", cpus=1.5, net="lab",
        lab="lab-1", lab_index=3, hosts={"other": "10.88.0.11"}, annotations={"note": "x"},
    )  # fmt: skip

    assert spec == Spec.from_dict(json.loads(json.dumps(spec.to_dict())))


def test_says_what_oci_says():
    """Namespaces and limits stand where any other runtime looks for them."""
    data = sandbox_spec("a", memory_bytes=64 << 20, pids=99).to_dict()

    assert 64 << 20 == data["linux"]["resources"]["memory"]["limit"]
    assert 99 == data["linux"]["resources"]["pids"]["limit"]
    assert 8 == len(data["linux"]["namespaces"])


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"id": "Upper"}, "id"),
        ({"id": "../up"}, "id"),
        ({"id": "a" * 64}, "id"),
        ({"hostname": "a/b"}, "hostname"),
        ({"profile": "privileged"}, "profile"),
        ({"net": "host"}, "net"),
        ({"net": "lab"}, "lab"),
        ({"memory_bytes": -1}, "memory"),
        ({"memory_bytes": True}, "memory"),
        ({"cpus": 0}, "cpu"),
        ({"cpus": float("nan")}, "cpu"),
        ({"pids": 10**9}, "pids"),
        ({"disk_bytes": 0}, "disk"),
        ({"args": ["a\0b"]}, "process"),
        ({"env": {"A=B": "c"}}, "env"),
        ({"hosts": {"x\n1.2.3.4 y": "10.0.0.1"}}, "hosts"),
        ({"hosts": {"x": "10.0.0.256"}}, "hosts"),
        ({"lab_index": 201}, "lab-index"),
    ],
)
def test_refused(fields, path):
    """A bad field is refused by its path, before anything is made."""
    with pytest.raises(SpecError) as caught:
        sandbox_spec(**{"id": "a", **fields})

    assert path in caught.value.path


def test_missing_field_is_named():
    """A config.json without a field says which."""
    data = sandbox_spec("a").to_dict()
    del data["linux"]

    with pytest.raises(SpecError, match="linux: is missing"):
        Spec.from_dict(data)


def test_ids_outside_the_map():
    """A process may only have ids that are mapped."""
    with pytest.raises(SpecError):
        Process(uid=65536).validate()
